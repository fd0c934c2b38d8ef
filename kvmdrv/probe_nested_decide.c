/* What follows from what was seen of nested virtualization, in words. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kvmdrv/probe_nested.h"

/*
 * IA32_FEATURE_CONTROL and the VMX capability MSRs, of which IA32_VMX_BASIC is
 * the first; VM_CR and VM_HSAVE_PA.
 */
const struct nested_names nested_names[NESTED_KINDS] = {
	[NESTED_VMX] = { .name = "VMX",
			 .control = "CR4.VMXE",
			 .nr_msrs = 19,
			 .msrs = { 0x3a, 0x480, 0x481, 0x482, 0x483, 0x484,
				   0x485, 0x486, 0x487, 0x488, 0x489, 0x48a,
				   0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490,
				   0x491 } },
	[NESTED_SVM] = { .name = "SVM",
			 .control = "EFER.SVME",
			 .nr_msrs = 2,
			 .msrs = { 0xc0010114, 0xc0010117 } },
};

/* @out's reason goes on. */
static void __attribute__((format(printf, 2, 3)))
add(struct probe_found *out, const char *format, ...)
{
	size_t len = strlen(out->why);
	va_list args;

	va_start(args, format);
	vsnprintf(out->why + len, sizeof(out->why) - len, format, args);
	va_end(args);
}

/* Is there anything to be said of @guest? If not, @out has why. */
static bool has_run(struct probe_found *out, const struct nested_guest *guest)
{
	if (guest->error)
		probe_say(out, PROBE_UNDETERMINED,
			  "KVM_SET_CPUID2 is refused (errno %d)", guest->error);
	else if (guest->ended.why[0])
		*out = guest->ended;
	return !guest->error && !guest->ended.why[0];
}

void nested_decide_state(struct probe_found *out, int state_size)
{
	if (state_size > 0)
		probe_say(out, PROBE_HONOURED,
			  "KVM_CAP_NESTED_STATE is %d bytes", state_size);
	else
		probe_say(out, PROBE_IGNORED, "KVM_CAP_NESTED_STATE is %d",
			  state_size);
}

void nested_decide_cpuid(struct probe_found *out, enum nested_kind kind,
			 bool supported)
{
	probe_say(out, supported ? PROBE_HONOURED : PROBE_IGNORED,
		  "KVM_GET_SUPPORTED_CPUID has %s %s", nested_names[kind].name,
		  supported ? "set" : "clear");
}

static bool has_msrs(const struct nested_guest *guest)
{
	return (guest->readable & NESTED_MSRS_ALWAYS) == NESTED_MSRS_ALWAYS;
}

/* Those of @which, with their values if there are any. */
static void add_msrs(struct probe_found *out, const struct nested_names *names,
		     uint32_t which, const uint64_t *values)
{
	for (uint32_t i = 0; i < names->nr_msrs; i++) {
		if (!(which >> i & 1))
			continue;
		add(out, " 0x%x", names->msrs[i]);
		if (values)
			add(out, "=0x%" PRIx64, values[i]);
	}
	if (!which)
		add(out, " none");
}

static void add_guest(struct probe_found *out, const struct nested_names *names,
		      const struct nested_guest *guest, uint32_t features)
{
	int same = __builtin_popcount(guest->readable & features);

	add(out, ":");
	if (same)
		add(out, " %d of those, and", same);
	add_msrs(out, names, guest->readable & ~features, guest->values);
}

void nested_decide_msrs(struct probe_found *out, enum nested_kind kind,
			const struct nested *nested)
{
	const struct nested_names *names = &nested_names[kind];

	if (!has_run(out, &nested->with) || !has_run(out, &nested->without))
		return;
	probe_say(out, has_msrs(&nested->with) ? PROBE_HONOURED : PROBE_IGNORED,
		  "KVM_GET_MSR_FEATURE_INDEX_LIST has");
	add_msrs(out, names, nested->features, nested->feature_values);
	add(out, "; RDMSR of a guest whose CPUID is given %s", names->name);
	add_guest(out, names, &nested->with, nested->features);
	add(out, "; is not given it");
	add_guest(out, names, &nested->without, nested->features);
}

static void add_tries(struct probe_found *out, const struct nested_guest *guest)
{
	add(out, " the guest %s it, KVM_SET_SREGS %s it",
	    guest->by_guest ? "sets" : "cannot set",
	    guest->by_host ? "sets" : "cannot set");
}

void nested_decide_control(struct probe_found *out, enum nested_kind kind,
			   const struct nested *nested)
{
	const struct nested_names *names = &nested_names[kind];

	if (!has_run(out, &nested->with) || !has_run(out, &nested->without))
		return;
	probe_say(out, nested->with.by_guest ? PROBE_HONOURED : PROBE_IGNORED,
		  "where guest CPUID is given %s%s", names->name,
		  nested->with.shows_bit ? "" : " (but does not show it)");
	add_tries(out, &nested->with);
	add(out, "; where it is not");
	add_tries(out, &nested->without);
}

/* What is wrong, after what was before. */
static void contradict(struct probe_found *out, const char *what,
		       const char *name)
{
	add(out, "%s", out->answer == PROBE_IGNORED ? "; " : "");
	out->answer = PROBE_IGNORED;
	add(out, what, name);
}

static void find_contradictions(struct probe_found *out, enum nested_kind kind,
				const struct nested *nested)
{
	const struct nested_names *names = &nested_names[kind];
	const struct nested_guest *with = &nested->with;

	if (nested->supported && !with->by_guest)
		contradict(out,
			   "%s is supported, but a guest that has it "
			   "cannot enable it",
			   names->name);
	if (nested->supported && !has_msrs(with))
		contradict(out, "%s is supported, but its MSRs are not there",
			   names->name);
	if (!nested->supported && with->by_guest)
		contradict(out,
			   "%s is not supported, but a guest can enable it",
			   names->name);
	if (nested->without.by_guest)
		contradict(out, "a guest without %s can enable it",
			   names->name);
	if (!nested->without.readable)
		return;
	contradict(out, "a guest without %s can read MSRs of it:", names->name);
	add_msrs(out, names, nested->without.readable, NULL);
}

void nested_decide_consistent(struct probe_found *out, int state_size,
			      const struct nested *nested)
{
	bool any = nested[NESTED_VMX].supported || nested[NESTED_SVM].supported;

	for (enum nested_kind kind = 0; kind < NESTED_KINDS; kind++)
		if (!has_run(out, &nested[kind].with) ||
		    !has_run(out, &nested[kind].without))
			return;
	probe_say(out, PROBE_HONOURED, "%s", "");
	if (any && state_size <= 0)
		contradict(out, "there is no KVM_CAP_NESTED_STATE%s", "");
	if (!any && state_size > 0)
		contradict(out,
			   "KVM_CAP_NESTED_STATE is there, but neither VMX "
			   "nor SVM is supported%s",
			   "");
	for (enum nested_kind kind = 0; kind < NESTED_KINDS; kind++)
		find_contradictions(out, kind, &nested[kind]);
	if (out->answer == PROBE_HONOURED)
		add(out, "%s: capability, CPUID, MSRs and control bits agree",
		    any ? "offered" : "not offered");
}
