/* Numbers and names as they stand in emitted programs. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* Where (value & mask) is `bits`, the name stands for it. */
struct named_bits {
	uint64_t mask;
	uint64_t bits;
	const char *name;
};

#define FLAG(bit, name)        \
	{                      \
		bit, bit, name \
	}

static const struct named_bits apicbase[] = {
	{ ~0xfffull, APICBASE_ADDRESS_DEFAULT, "APICBASE_ADDRESS" },
	FLAG(APICBASE_EN, "APICBASE_EN"),
	FLAG(APICBASE_EXTD, "APICBASE_EXTD"),
	FLAG(APICBASE_BSP, "APICBASE_BSP"),
	{ 0 },
};

static const struct named_bits svr[] = {
	FLAG(SVR_ENABLE, "SVR_ENABLE"),
	FLAG(SVR_SUPPRESS_EOI_BROADCAST, "SVR_SUPPRESS_EOI_BROADCAST"),
	{ 0 },
};

static const struct named_bits lvt[] = {
	FLAG(LVT_MASKED, "LVT_MASKED"),
	FLAG(1u << 17, "LVT_PERIODIC"),
	{ 0x700, LVT_EXTINT, "LVT_EXTINT" },
	{ 0 },
};

/* The delivery modes, of which fixed is 0. */
#define DELIVERY(prefix, mode)                                 \
	{                                                      \
		ICR_DELIVERY_MASK << ICR_DELIVERY_SHIFT,       \
			DELIVERY_##mode << ICR_DELIVERY_SHIFT, \
			#prefix "_" #mode                      \
	}
#define DELIVERIES(prefix)                                       \
	DELIVERY(prefix, FIXED), DELIVERY(prefix, LOWEST),       \
		DELIVERY(prefix, SMI), DELIVERY(prefix, NMI),    \
		DELIVERY(prefix, INIT), DELIVERY(prefix, SIPI),  \
		DELIVERY(prefix, EXTINT),                        \
	{                                                        \
		ICR_DELIVERY_MASK << ICR_DELIVERY_SHIFT,         \
			DELIVERY_RESERVED << ICR_DELIVERY_SHIFT, \
			#prefix "_RESERVED_MODE"                 \
	}
#define SHORTHAND(mode, name)                              \
	{                                                  \
		ICR_SHORTHAND_MASK << ICR_SHORTHAND_SHIFT, \
			mode << ICR_SHORTHAND_SHIFT, name  \
	}

static const struct named_bits icr[] = {
	DELIVERIES(ICR),
	FLAG(ICR_LOGICAL, "ICR_LOGICAL"),
	FLAG(ICR_BUSY, "ICR_BUSY"),
	FLAG(ICR_ASSERT, "ICR_ASSERT"),
	FLAG(ICR_LEVEL, "ICR_LEVEL"),
	SHORTHAND(SHORTHAND_SELF, "ICR_TO_SELF"),
	SHORTHAND(SHORTHAND_ALL, "ICR_TO_ALL"),
	SHORTHAND(SHORTHAND_ALL_BUT_SELF, "ICR_TO_ALL_BUT_SELF"),
	{ 0 },
};

static const struct named_bits msi_data[] = {
	DELIVERIES(MSI),
	FLAG(MSI_ASSERT, "MSI_ASSERT"),
	FLAG(MSI_LEVEL, "MSI_LEVEL"),
	{ 0 },
};

/* The destination has a name with an argument. */
static const struct named_bits msi_address[] = {
	{ 0xfff00000, APICBASE_ADDRESS_DEFAULT, "MSI_ADDRESS" },
	FLAG(MSI_LOGICAL, "MSI_LOGICAL"),
	FLAG(MSI_REDIRECTION_HINT, "MSI_REDIRECTION_HINT"),
	{ 0 },
};

static const struct named_bits x2apic_api[] = {
	FLAG(X2APIC_API_USE_32BIT_IDS, "KVM_X2APIC_API_USE_32BIT_IDS"),
	FLAG(X2APIC_API_DISABLE_BROADCAST_QUIRK,
	     "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK"),
	{ 0 },
};

static const struct named_bits cr0[] = {
	FLAG(CR0_PE, "X86_CR0_PE"), FLAG(CR0_MP, "X86_CR0_MP"),
	FLAG(CR0_EM, "X86_CR0_EM"), FLAG(CR0_TS, "X86_CR0_TS"),
	FLAG(CR0_ET, "X86_CR0_ET"), FLAG(CR0_NE, "X86_CR0_NE"),
	FLAG(CR0_WP, "X86_CR0_WP"), FLAG(CR0_AM, "X86_CR0_AM"),
	FLAG(CR0_NW, "X86_CR0_NW"), FLAG(CR0_CD, "X86_CR0_CD"),
	FLAG(CR0_PG, "X86_CR0_PG"), { 0 },
};

static const struct named_bits cr4[] = {
	FLAG(CR4_VME, "X86_CR4_VME"),
	FLAG(CR4_PVI, "X86_CR4_PVI"),
	FLAG(CR4_TSD, "X86_CR4_TSD"),
	FLAG(CR4_DE, "X86_CR4_DE"),
	FLAG(CR4_PSE, "X86_CR4_PSE"),
	FLAG(CR4_PAE, "X86_CR4_PAE"),
	FLAG(CR4_MCE, "X86_CR4_MCE"),
	FLAG(CR4_PGE, "X86_CR4_PGE"),
	FLAG(CR4_PCE, "X86_CR4_PCE"),
	FLAG(CR4_OSFXSR, "X86_CR4_OSFXSR"),
	FLAG(CR4_OSXMMEXCPT, "X86_CR4_OSXMMEXCPT"),
	FLAG(CR4_UMIP, "X86_CR4_UMIP"),
	FLAG(CR4_LA57, "X86_CR4_LA57"),
	FLAG(CR4_VMXE, "X86_CR4_VMXE"),
	FLAG(CR4_FSGSBASE, "X86_CR4_FSGSBASE"),
	FLAG(CR4_PCIDE, "X86_CR4_PCIDE"),
	FLAG(CR4_OSXSAVE, "X86_CR4_OSXSAVE"),
	FLAG(CR4_SMEP, "X86_CR4_SMEP"),
	FLAG(CR4_SMAP, "X86_CR4_SMAP"),
	FLAG(CR4_PKE, "X86_CR4_PKE"),
	FLAG(CR4_CET, "X86_CR4_CET"),
	{ 0 },
};

static const struct named_bits efer[] = {
	FLAG(EFER_SCE, "X86_EFER_SCE"),	  FLAG(EFER_LME, "X86_EFER_LME"),
	FLAG(EFER_LMA, "X86_EFER_LMA"),	  FLAG(EFER_NXE, "X86_EFER_NXE"),
	FLAG(EFER_SVME, "X86_EFER_SVME"), { 0 },
};

static const struct named_bits quirks[] = {
	FLAG(QUIRK_LINT0_REENABLED, "KVM_X86_QUIRK_LINT0_REENABLED"),
	FLAG(QUIRK_CD_NW_CLEARED, "KVM_X86_QUIRK_CD_NW_CLEARED"),
	FLAG(QUIRK_LAPIC_MMIO_HOLE, "KVM_X86_QUIRK_LAPIC_MMIO_HOLE"),
	FLAG(QUIRK_STUFF_FEATURE_MSRS, "KVM_X86_QUIRK_STUFF_FEATURE_MSRS"),
	FLAG(QUIRK_IGNORE_GUEST_PAT, "KVM_X86_QUIRK_IGNORE_GUEST_PAT"),
	{ 0 },
};

static void __attribute__((format(printf, 2, 3)))
add(char out[VALUE_TEXT_MAX], const char *format, ...)
{
	size_t len = strlen(out);
	va_list args;

	if (len)
		len += (size_t)snprintf(out + len, VALUE_TEXT_MAX - len, " | ");
	va_start(args, format);
	len += (size_t)vsnprintf(out + len, VALUE_TEXT_MAX - len, format, args);
	va_end(args);
	CHECK(len < VALUE_TEXT_MAX);
}

/* The names; returns the bits that have none. */
static uint64_t add_names(char out[VALUE_TEXT_MAX],
			  const struct named_bits *names, uint64_t value)
{
	uint64_t rest = value;

	for (; names->name; names++) {
		if ((value & names->mask) != names->bits)
			continue;
		add(out, "%s", names->name);
		rest &= ~names->mask;
	}
	return rest;
}

static uint64_t add_dest(char out[VALUE_TEXT_MAX], uint64_t value)
{
	uint64_t dest = value & MSI_DEST_MASK << MSI_DEST_SHIFT;
	uint64_t high = value >> 32 << 32;

	if (high)
		add(out, "MSI_DEST_HIGH(0x%" PRIx64 ")", high >> 32);
	add(out, "MSI_DEST(0x%" PRIx64 ")", dest >> MSI_DEST_SHIFT);
	return value & ~(dest | high);
}

static uint64_t add_icr_dest(char out[VALUE_TEXT_MAX], uint64_t value)
{
	if (value >> 32)
		add(out, "ICR_DEST(0x%" PRIx64 ")", value >> 32);
	return (uint32_t)value;
}

/* Where the other bits are not 0 it is something else. */
static uint64_t add_xapic_id(char out[VALUE_TEXT_MAX], uint64_t value)
{
	if (!value || value & ((1u << XAPIC_ID_SHIFT) - 1))
		return value;
	add(out, "XAPIC_ID(0x%" PRIx64 ")", value >> XAPIC_ID_SHIFT);
	return 0;
}

static void add_mp_state(char out[VALUE_TEXT_MAX], uint64_t value)
{
	static const char *const names[] = {
		"KVM_MP_STATE_RUNNABLE",      "KVM_MP_STATE_UNINITIALIZED",
		"KVM_MP_STATE_INIT_RECEIVED", "KVM_MP_STATE_HALTED",
		"KVM_MP_STATE_SIPI_RECEIVED", "KVM_MP_STATE_STOPPED",
	};

	if (value < ARRAY_SIZE(names))
		add(out, "%s", names[value]);
	else
		add(out, "0x%" PRIx64, value);
}

static uint64_t add_parts(char out[VALUE_TEXT_MAX], enum value_kind kind,
			  uint64_t value)
{
	switch (kind) {
	case VALUE_APICBASE:
		return add_names(out, apicbase, value);
	case VALUE_XAPIC_ID:
		return add_xapic_id(out, value);
	case VALUE_SVR:
		return add_names(out, svr, value);
	case VALUE_LVT:
		return add_names(out, lvt, value);
	case VALUE_ICR:
		return add_names(out, icr, add_icr_dest(out, value));
	case VALUE_MSI_DATA:
		return add_names(out, msi_data, value);
	case VALUE_MSI_ADDRESS:
		return add_dest(out, add_names(out, msi_address, value));
	case VALUE_CR0:
		return add_names(out, cr0, value);
	case VALUE_CR4:
		return add_names(out, cr4, value);
	case VALUE_EFER:
		return add_names(out, efer, value);
	case VALUE_QUIRKS:
		return add_names(out, quirks, value);
	case VALUE_X2APIC_API:
		return add_names(out, x2apic_api, value);
	case VALUE_MP_STATE:
	case VALUE_VECTORS:
	case VALUE_PLAIN:
		break;
	}
	return value;
}

const char *value_text(char out[VALUE_TEXT_MAX], enum value_kind kind,
		       uint64_t value)
{
	uint64_t rest;

	out[0] = '\0';
	if (kind == VALUE_MP_STATE) {
		add_mp_state(out, value);
		return out;
	}
	rest = add_parts(out, kind, value);
	if (rest || !out[0])
		add(out, rest ? "0x%" PRIx64 : "0", rest);
	return out;
}

enum value_kind value_kind_of(uint32_t slot)
{
	if (slot == APIC_REG_svr)
		return VALUE_SVR;
	if (slot == APIC_REG_icr)
		return VALUE_ICR;
	if (slot == APIC_REG_id || slot == APIC_REG_ldr ||
	    slot == APIC_REG_icr_high)
		return VALUE_XAPIC_ID;
	if (slot >= APIC_REG_isr0 && slot <= APIC_REG_irr7)
		return VALUE_VECTORS;
	if (slot == APIC_REG_lvt_cmci ||
	    (slot >= APIC_REG_lvt_timer && slot <= APIC_REG_lvt_error))
		return VALUE_LVT;
	return VALUE_PLAIN;
}

const char *name_macro(char out[NAME_TEXT_MAX], const char *prefix,
		       const char *name)
{
	size_t len = (size_t)snprintf(out, NAME_TEXT_MAX, "%s%s", prefix, name);

	CHECK(len < NAME_TEXT_MAX);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)toupper((unsigned char)out[i]);
	return out;
}

const char *memory_msr_name(uint32_t msr)
{
	switch (msr) {
#define MSR(number, name) \
	case number:      \
		return #name;
#define MSR_READ_ONLY(number, name) MSR(number, name)
#define MSR_ABSENT(number, name) MSR(number, name)
#include "scenario/msrs.def"
	}
	return NULL;
}

const char *observable_macro(char out[NAME_TEXT_MAX], size_t i)
{
	return name_macro(out, "", observables[i].name);
}

const char *observable_name(char out[NAME_TEXT_MAX], size_t i)
{
	bool in_page = i >= OBSERVABLES - APIC_REGS;

	return name_macro(
		out, "", observables[i].name + (in_page ? strlen("apic_") : 0));
}

const char *register_macro(char out[NAME_TEXT_MAX], uint32_t slot)
{
	return observable_macro(out, OBSERVABLES - APIC_REGS + slot);
}

const char *register_name(char out[NAME_TEXT_MAX], uint32_t slot)
{
	return observable_name(out, OBSERVABLES - APIC_REGS + slot);
}

const char *message_text(char out[VALUE_TEXT_MAX], uint32_t low)
{
	static const char *const names[] = {
		[DELIVERY_FIXED] = "a fixed interrupt",
		[DELIVERY_LOWEST] = "a lowest-priority interrupt",
		[DELIVERY_SMI] = "an SMI",
		[DELIVERY_RESERVED] = "a message of the reserved mode",
		[DELIVERY_NMI] = "an NMI",
		[DELIVERY_INIT] = "an INIT",
		[DELIVERY_SIPI] = "a SIPI",
		[DELIVERY_EXTINT] = "an ExtINT",
	};
	uint32_t delivery = low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	bool has_vector = delivery == DELIVERY_FIXED ||
			  delivery == DELIVERY_LOWEST ||
			  delivery == DELIVERY_SIPI;

	snprintf(out, VALUE_TEXT_MAX, "%s", names[delivery]);
	if (has_vector)
		snprintf(out + strlen(out), VALUE_TEXT_MAX - strlen(out),
			 ", vector 0x%x,", low & ICR_VECTOR_MASK);
	return out;
}
