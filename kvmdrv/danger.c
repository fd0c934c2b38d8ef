/* What must not be run here. The only code that reads a kernel's version. */
#include "kvmdrv/danger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvmdrv/descriptors.h"
#include "kvmdrv/host.h"
#include "scenario/check.h"
#include "scenario/x86.h"

bool kernel_version_parse(struct kernel_version *out, const char *release)
{
	unsigned major, minor, patch = 0, candidate;
	const char *rc = strstr(release, "-rc");

	if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return false;
	*out = (struct kernel_version){ major, minor, patch, KERNEL_RELEASE };
	if (rc && sscanf(rc, "-rc%u", &candidate) == 1)
		out->candidate = candidate;
	return true;
}

static bool is_before(const struct kernel_version *a,
		      const struct kernel_version *b)
{
	if (a->major != b->major)
		return a->major < b->major;
	if (a->minor != b->minor)
		return a->minor < b->minor;
	if (a->patch != b->patch)
		return a->patch < b->patch;
	return a->candidate < b->candidate;
}

/*
 * Is there a vCPU that KVM's routing table may have no room for? The table
 * always has room for 8-bit IDs, and ignored others with USE_32BIT_IDS. The
 * write beyond its end needs that the vCPU is created, or its APIC enabled,
 * while the table is made for another one; ops run one after the other, so
 * this is more careful than it need be.
 */
static bool has_wide_id_beside_another(const struct scenario *s)
{
	uint32_t widest = 0;

	if (s->config.x2apic_api & X2APIC_API_USE_32BIT_IDS)
		return false;
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_vcpu_create &&
		    s->ops[i].as.vcpu_create.vcpu_id > widest)
			widest = s->ops[i].as.vcpu_create.vcpu_id;
	return widest > UINT8_MAX && scenario_nr_vcpus(s, s->nr_ops) > 1;
}

/*
 * Known bugs that can damage the host, each with the versions from the first
 * that has it to the first that does not. A distribution's kernel may have
 * both the bug and its fix under another version.
 */
static const struct bug {
	struct kernel_version first;
	struct kernel_version fixed;
	bool (*is_triggered_by)(const struct scenario *s);
	const char *reason;
} bugs[] = {
	/* Upstream commit 4364b287982b; the bug came with 5b84b0291702. */
	{ { 6, 3, 0, 1 },
	  { 6, 3, 7, KERNEL_RELEASE },
	  has_wide_id_beside_another,
	  "Linux 6.3 to 6.3.6 may write beyond KVM's routing table where a "
	  "vcpu_id is above 255 and USE_32BIT_IDS is off (fixed by "
	  "4364b287982b)" },
	{ { 6, 4, 0, 1 },
	  { 6, 4, 0, KERNEL_RELEASE },
	  has_wide_id_beside_another,
	  "release candidates of Linux 6.4 may write beyond KVM's routing "
	  "table where a vcpu_id is above 255 and USE_32BIT_IDS is off (fixed "
	  "by 4364b287982b)" },
};

/* Of a kernel whose version is not known the worst is thought. */
static bool has_bug(const struct danger_host *host, const struct bug *bug)
{
	return !host->version_known ||
	       (!is_before(&host->version, &bug->first) &&
		is_before(&host->version, &bug->fixed));
}

const char *danger_known(const struct danger_host *host)
{
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++)
		if (has_bug(host, &bugs[i]))
			return bugs[i].reason;
	return NULL;
}

static void __attribute__((format(printf, 2, 3)))
say(struct kvmdrv_reason *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);
}

static bool exceeds(struct kvmdrv_reason *out_reason,
		    const struct danger_host *host, const struct scenario *s)
{
	size_t nr_vcpus = scenario_nr_vcpus(s, s->nr_ops);

	if (nr_vcpus > host->vcpus_max) {
		say(out_reason,
		    "it has %zu vCPUs, and this host has room for "
		    "%u in one VM",
		    nr_vcpus, host->vcpus_max);
		return true;
	}
	if (s->config.quirks_off & ~host->quirks) {
		say(out_reason,
		    "it turns off quirks 0x%x, and this host's KVM lets "
		    "only 0x%x be",
		    s->config.quirks_off, host->quirks);
		return true;
	}
	for (size_t i = 0; i < s->nr_ops; i++) {
		uint32_t vcpu_id = s->ops[i].as.vcpu_create.vcpu_id;

		if (s->ops[i].kind != OP_vcpu_create ||
		    vcpu_id < host->vcpu_ids_max)
			continue;
		say(out_reason,
		    "it has vcpu_id 0x%x, and this host's are "
		    "below 0x%x",
		    vcpu_id, host->vcpu_ids_max);
		return true;
	}
	return false;
}

/*
 * QEMU, 7.2 and likely later, dies with its machine, or leaves it dead, where a
 * guest that it emulates SVM for
 * - exits with EFER.LME and without CR4.PAE: it does not load the host's CR0.
 *   The guest program in long mode sets both; INIT clears both.
 * - writes CR8 while a virtual interrupt waits: it asserts that it has a lock.
 *   None waits from an earlier scenario: kvmdrv/pool.c gives it a new VM.
 */
static bool loads_lme(const struct config *config, const struct op *op)
{
	const struct op_control_write *write = &op->as.control_write;

	return op->kind == OP_control_write && write->reg == CONTROL_EFER &&
	       write->value & EFER_LME &&
	       !(write->by == AGENT_GUEST && config->guest == GUEST_LONG);
}

static bool writes_cr8(const struct config *config, const struct op *op)
{
	const struct op_control_write *write = &op->as.control_write;

	return op->kind == OP_control_write && write->reg == CONTROL_CR8 &&
	       write->by == AGENT_GUEST && config->guest == GUEST_LONG;
}

/* May an interrupt wait for a vCPU because of @op? */
static bool may_interrupt(const struct op *op)
{
	switch (op->kind) {
	case OP_msi:
	case OP_icr_write:
	case OP_self_ipi:
	case OP_x2apic_write:
	case OP_lapic_write:
	case OP_irq_line:
	case OP_ioapic_write:
		return true;
	case OP_vcpu_create:
	case OP_apicbase_write:
	case OP_apicbase_restore:
	case OP_x2apic_api_enable:
	case OP_observe:
	case OP_lapic_read:
	case OP_x2apic_read:
	case OP_interrupt_take:
	case OP_msr_write:
	case OP_msr_read:
	case OP_control_write:
	case OP_control_read:
	case OP_cpuid_read:
	case OP_mp_state_set:
	case OP_halt:
	case OP_gsi_route:
	case OP_ioapic_read:
	case OP_save_restore:
		break;
	}
	return false;
}

static bool any_ends_tcg(const struct scenario *s)
{
	bool cr8 = false, interrupts = false;

	for (size_t i = 0; i < s->nr_ops; i++) {
		interrupts |= may_interrupt(&s->ops[i]);
		cr8 |= writes_cr8(&s->config, &s->ops[i]);
		if (loads_lme(&s->config, &s->ops[i]))
			return true;
	}
	return cr8 && interrupts;
}

enum danger danger_check(struct kvmdrv_reason *out_reason,
			 const struct danger_host *host,
			 const struct scenario *s)
{
	out_reason->text[0] = '\0';
	if (exceeds(out_reason, host, s))
		return DANGER_LIMIT;
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!has_bug(host, &bugs[i]) || !bugs[i].is_triggered_by(s))
			continue;
		say(out_reason, "%s", bugs[i].reason);
		return DANGER_KERNEL;
	}
	if (host->tcg && any_ends_tcg(s)) {
		say(out_reason,
		    "QEMU's emulation of SVM may end with a guest that has "
		    "EFER.LME without CR4.PAE, or writes CR8");
		return DANGER_KERNEL;
	}
	return DANGER_NONE;
}

/* A physical broadcast that one APIC is to take: KVM says that it saw one. */
static bool is_logged_msi(const struct op_msi *msi)
{
	uint32_t dest = msi->address >> MSI_DEST_SHIFT & MSI_DEST_MASK;
	uint32_t delivery = msi->data >> MSI_DELIVERY_SHIFT & ICR_DELIVERY_MASK;

	return dest == XAPIC_BROADCAST && !(msi->address & MSI_LOGICAL) &&
	       (delivery == DELIVERY_LOWEST ||
		msi->address & MSI_REDIRECTION_HINT);
}

/* Was its GSI ever given such a message, before op @end? */
static bool is_logged_line(const struct scenario *s, size_t end,
			   const struct op_irq_line *line)
{
	for (size_t i = 0; i < end; i++) {
		const struct op_gsi_route *route = &s->ops[i].as.gsi_route;
		struct op_msi msi = { route->address, route->data };

		if (s->ops[i].kind == OP_gsi_route && route->gsi == line->gsi &&
		    is_logged_msi(&msi))
			return line->level;
	}
	return false;
}

/* Of a destination in xAPIC mode the low 8 bits count. */
static bool is_logged_icr(uint32_t dest, uint32_t low)
{
	return dest == XAPIC_BROADCAST && !(low & ICR_LOGICAL) &&
	       (low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK) ==
		       DELIVERY_LOWEST;
}

/* Does an entry of the IOAPIC get what would make such a broadcast? */
static bool is_logged_entry(const struct op *op)
{
	uint32_t delivery = op->as.ioapic_write.value >> ICR_DELIVERY_SHIFT &
			    ICR_DELIVERY_MASK;

	return op->kind == OP_ioapic_write && !(op->as.ioapic_write.reg & 1) &&
	       !(op->as.ioapic_write.value & REDIRECTION_MASKED) &&
	       delivery == DELIVERY_LOWEST;
}

uint32_t danger_log_lines(const struct scenario *s)
{
	uint32_t lines = 0;

	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		if (op->kind == OP_msi)
			lines += is_logged_msi(&op->as.msi);
		else if (is_logged_entry(op))
			lines += (uint32_t)(s->nr_ops - i);
		else if (op->kind == OP_irq_line)
			lines += is_logged_line(s, i, &op->as.irq_line);
		else if (op->kind == OP_icr_write)
			lines += is_logged_icr((uint8_t)op->as.icr_write.dest,
					       op->as.icr_write.low);
		else if (op->kind == OP_lapic_write &&
			 op_agent(op) == AGENT_GUEST &&
			 op->as.lapic_write.reg == APIC_REG_icr)
			lines += is_logged_icr(XAPIC_BROADCAST,
					       op->as.lapic_write.value);
		else if (op->kind == OP_x2apic_write &&
			 op->as.x2apic_write.reg == APIC_REG_icr)
			lines += is_logged_icr(
				(uint32_t)(op->as.x2apic_write.value >> 32),
				(uint32_t)op->as.x2apic_write.value);
	}
	return lines;
}

static uint32_t capability(const struct kvmdrv_capability *caps,
			   const char *name)
{
	for (size_t i = 0; i < KVMDRV_CAPABILITIES; i++)
		if (!strcmp(caps[i].name, name))
			return caps[i].value > 0 ? (uint32_t)caps[i].value : 0;
	CHECK(!"a capability that the driver knows");
	return 0;
}

void danger_host_here(struct danger_host *out, struct kvmdrv *drv)
{
	struct kvmdrv_capability caps[KVMDRV_CAPABILITIES];
	struct descriptors descriptors;
	struct host host;

	host_describe(&host);
	kvmdrv_capabilities(drv, caps);
	*out = (struct danger_host){ 0 };
	out->tcg = !strncmp(host.cpu, "QEMU TCG", strlen("QEMU TCG"));
	out->version_known = kernel_version_parse(&out->version, host.kernel);
	/* KVM's API: what the document says where a capability is missing. */
	out->vcpus_max = capability(caps, "KVM_CAP_MAX_VCPUS");
	if (!out->vcpus_max)
		out->vcpus_max = 4;
	out->vcpu_ids_max = capability(caps, "KVM_CAP_MAX_VCPU_ID");
	if (!out->vcpu_ids_max)
		out->vcpu_ids_max = out->vcpus_max;
	/* KVM's API: the older capability does not tell which there are. */
	out->quirks = capability(caps, "KVM_CAP_DISABLE_QUIRKS2");
	if (!out->quirks && capability(caps, "KVM_CAP_DISABLE_QUIRKS"))
		out->quirks = QUIRK_LINT0_REENABLED | QUIRK_CD_NW_CLEARED |
			      QUIRK_LAPIC_MMIO_HOLE;
	descriptors_share_out(&descriptors);
	if (out->vcpus_max > descriptors.for_one_vm)
		out->vcpus_max = descriptors.for_one_vm;
}
