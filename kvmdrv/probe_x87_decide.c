/* What follows from what was seen of the x87, in words. */
#include "kvmdrv/probe_x87.h"

static const char *bits_name(uint32_t bits)
{
	static const char *const names[] = {
		"neither bit",
		"FDP_EXCPTN_ONLY",
		"ZERO_FCS_FDS",
		"both bits",
	};

	return names[!!(bits & X87_FDP_EXCPTN_ONLY) +
		     2 * !!(bits & X87_ZERO_FCS_FDS)];
}

static const char *fdp_name(const struct x87_does *does)
{
	return does->fdp_updated ? "FDP is updated without an exception" :
				   "FDP is not updated without an exception";
}

static const char *fcs_fds_name(const struct x87_does *does)
{
	static const char *const names[] = {
		"FCS and FDS are zero",
		"FCS is kept, FDS is zero",
		"FCS is zero, FDS is kept",
		"FCS and FDS are kept",
	};

	return names[does->fcs_kept + 2 * does->fds_kept];
}

/* The bits that a CPU has which does this, where FCS and FDS are alike. */
static uint32_t bits_of(const struct x87_does *does)
{
	return (does->fdp_updated ? 0 : X87_FDP_EXCPTN_ONLY) |
	       (does->fcs_kept ? 0 : X87_ZERO_FCS_FDS);
}

void x87_decide_inverted(struct probe_found *out, uint32_t host,
			 const struct x87_does *does)
{
	enum probe_answer answer = bits_of(does) == host ? PROBE_HONOURED :
							   PROBE_IGNORED;

	if (does->fcs_kept != does->fds_kept)
		answer = PROBE_UNDETERMINED;
	probe_say(out, answer, "the host's CPUID has %s set; natively %s, %s",
		  bits_name(host), fdp_name(does), fcs_fds_name(does));
}

void x87_decide_reported(struct probe_found *out, uint32_t host,
			 uint32_t supported)
{
	if (!host) {
		probe_say(out, PROBE_UNDETERMINED,
			  "the host's CPUID has neither bit set, so there is "
			  "none to report clear; KVM reports %s set",
			  bits_name(supported));
		return;
	}
	probe_say(out, (host & ~supported) ? PROBE_IGNORED : PROBE_HONOURED,
		  "the host's CPUID has %s set, KVM reports %s set",
		  bits_name(host), bits_name(supported));
}

/* Is there anything to be said of @guest? If not, @out has why. */
static bool has_run(struct probe_found *out, const struct x87_guest *guest)
{
	if (guest->error)
		probe_say(out, PROBE_UNDETERMINED,
			  "KVM_SET_CPUID2 with %s set is refused (errno %d)",
			  bits_name(guest->wanted), guest->error);
	else if (guest->ended.why[0])
		*out = guest->ended;
	return !guest->error && !guest->ended.why[0];
}

static bool does_the_same(const struct x87_does *a, const struct x87_does *b)
{
	return a->fdp_updated == b->fdp_updated && a->fcs_kept == b->fcs_kept &&
	       a->fds_kept == b->fds_kept;
}

void x87_decide_no_effect(struct probe_found *out,
			  const struct x87_guest *clear,
			  const struct x87_guest *set)
{
	if (!has_run(out, clear) || !has_run(out, set))
		return;
	if (!does_the_same(&clear->does, &set->does)) {
		probe_say(out, PROBE_HONOURED,
			  "with both clear %s, %s; with both set %s, %s",
			  fdp_name(&clear->does), fcs_fds_name(&clear->does),
			  fdp_name(&set->does), fcs_fds_name(&set->does));
		return;
	}
	if (clear->ring0 == set->ring0 && clear->ring3 == set->ring3) {
		probe_say(
			out, PROBE_UNDETERMINED,
			"guest CPUID shows %s set in ring 0 and %s in ring 3, "
			"whatever KVM_SET_CPUID2 was given",
			bits_name(set->ring0), bits_name(set->ring3));
		return;
	}
	probe_say(out, PROBE_IGNORED,
		  "in ring 3 of the guest %s, %s, with the bits clear as with "
		  "them set",
		  fdp_name(&clear->does), fcs_fds_name(&clear->does));
}

void x87_decide_of_hardware(struct probe_found *out, uint32_t bit,
			    uint32_t host, const struct x87_guest *clear)
{
	const struct x87_does *does = &clear->does;
	bool is_there = !(bits_of(does) & bit);

	if (!(host & bit)) {
		probe_say(out, PROBE_UNDETERMINED,
			  "the host's CPUID has %s clear: a host is wanted "
			  "that has it set",
			  bits_name(bit));
		return;
	}
	if (!has_run(out, clear))
		return;
	probe_say(out, is_there ? PROBE_HONOURED : PROBE_IGNORED,
		  "in ring 3 of a guest whose CPUID was to have it clear %s",
		  bit == X87_ZERO_FCS_FDS ? fcs_fds_name(does) :
					    fdp_name(does));
	if (bit == X87_ZERO_FCS_FDS && does->fcs_kept != does->fds_kept)
		out->answer = PROBE_UNDETERMINED;
}

void x87_decide_workaround(struct probe_found *out, const struct x87_guest *set)
{
	bool seen = set->ring0 == X87_BITS && set->ring3 == X87_BITS;

	if (!has_run(out, set)) {
		if (set->error)
			out->answer = PROBE_IGNORED;
		return;
	}
	probe_say(out, seen ? PROBE_HONOURED : PROBE_IGNORED,
		  "KVM_SET_CPUID2 with both set is accepted; guest CPUID shows "
		  "%s set in ring 0, %s in ring 3",
		  bits_name(set->ring0), bits_name(set->ring3));
}
