/*
 * KVM keeps a table of who has which ID, made anew at certain events from the
 * vCPUs that there are then, and looks receivers up in it where it can. Here
 * that is a snapshot (what was known at the last such event) and rules over
 * the registers of the vCPUs in it; no table.
 */
#include "ref/message.h"
#include "ref/rules.h"

/* How KVM reads logical destinations while a snapshot is in force. */
enum logical_mode {
	LOGICAL_NOBODY, /* no software-enabled APIC has a logical ID */
	LOGICAL_FLAT,
	LOGICAL_CLUSTER,
	LOGICAL_X2APIC,
	LOGICAL_MIXED, /* not by the snapshot: each APIC is asked */
};

/*
 * KVM: kvm_recalculate_apic_map, when a mode changes, KVM_SET_LAPIC succeeds,
 * SVR's enable bit changes, an INIT is taken, and before a vCPU that is being
 * created is there to be seen.
 */
void snapshot_take(struct model *m)
{
	m->snapshot.nr_vcpus = m->nr_vcpus;
	m->snapshot.ids_are_32bit = ids_are_32bit(m);
	m->snapshot.unsure = false;
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		const uint32_t *apic = m->vcpus[i].state.apic;

		m->vcpus[i].listing = (struct listing){
			.mode = vcpu_mode(&m->vcpus[i]),
			.id = apic[APIC_REG_id],
			.ldr = apic[APIC_REG_ldr],
			.dfr = apic[APIC_REG_dfr],
			.svr = apic[APIC_REG_svr],
		};
	}
}

/* Is it in the snapshot, with its APIC on? */
static bool is_listed(const struct model *m, uint32_t vcpu)
{
	return vcpu < m->snapshot.nr_vcpus && m->vcpus[vcpu].exists &&
	       m->vcpus[vcpu].listing.mode != APIC_MODE_OFF;
}

static uint32_t xapic_id(const struct model_vcpu *vcpu)
{
	return vcpu->listing.id >> XAPIC_ID_SHIFT;
}

static uint32_t logical_id(const struct model_vcpu *vcpu)
{
	return vcpu->listing.ldr >> XAPIC_ID_SHIFT;
}

static uint32_t physical_id(const struct model_vcpu *vcpu)
{
	return vcpu->listing.mode == APIC_MODE_X2APIC ? vcpu->vcpu_id :
							xapic_id(vcpu);
}

static bool snapshot_has_alias(const struct model *m)
{
	for (uint32_t a = 0; a < m->snapshot.nr_vcpus; a++)
		for (uint32_t b = 0; b < a; b++)
			if (is_listed(m, a) && is_listed(m, b) &&
			    physical_id(&m->vcpus[a]) ==
				    physical_id(&m->vcpus[b]))
				return true;
	return false;
}

/* KVM: without 32-bit IDs an alias makes the table useless (since 6.3). */
static bool snapshot_is_usable(const struct model *m)
{
	if (m->snapshot.ids_are_32bit || !snapshot_has_alias(m))
		return true;
	return in_force(m, ERRATUM_hotplug_hack_always) &&
	       decides(m, ERRATUM_hotplug_hack_always);
}

/* KVM: is a 32-bit ID good for a vCPU in xAPIC mode too? */
static bool snapshot_has_hack(const struct model *m)
{
	return m->snapshot.ids_are_32bit ||
	       (in_force(m, ERRATUM_hotplug_hack_always) &&
		decides(m, ERRATUM_hotplug_hack_always));
}

/* Has this vCPU the ID @dest to itself, whoever else's low bits are equal? */
static bool has_exact_id(const struct model *m, const struct model_vcpu *vcpu,
			 uint32_t dest)
{
	bool x2apic = vcpu->listing.mode == APIC_MODE_X2APIC;

	if (vcpu->vcpu_id != dest)
		return false;
	return x2apic || (dest > UINT8_MAX && snapshot_has_hack(m));
}

static bool has_xapic_id(const struct model_vcpu *vcpu, uint32_t dest)
{
	return vcpu->listing.mode == APIC_MODE_XAPIC && xapic_id(vcpu) == dest;
}

/* KVM: the highest ID that the table has room for. */
static uint32_t highest_id(const struct model *m)
{
	uint32_t highest = UINT8_MAX;

	for (uint32_t i = 0; i < m->snapshot.nr_vcpus; i++)
		if (is_listed(m, i) && m->vcpus[i].vcpu_id > highest)
			highest = m->vcpus[i].vcpu_id;
	return highest;
}

/*
 * KVM: before 6.3 the table had an enabled x2APIC under the ID that its LDR is
 * made of as well, which is another one where the ID could be written.
 */
static bool has_written_id(const struct model *m, const struct model_vcpu *vcpu,
			   uint32_t dest)
{
	return vcpu->listing.mode == APIC_MODE_X2APIC &&
	       vcpu->listing.svr & SVR_ENABLE && vcpu->vcpu_id != dest &&
	       vcpu->listing.ldr == x2apic_ldr(dest) && dest <= highest_id(m) &&
	       in_force(m, ERRATUM_x2apic_id_writable) &&
	       decides(m, ERRATUM_x2apic_id_writable);
}

/* KVM: the exact ID wins; of xAPIC IDs the first one created. */
uint32_t snapshot_owner(const struct model *m, uint32_t dest)
{
	uint32_t owner = VCPUS_MAX;

	for (uint32_t i = 0; i < m->snapshot.nr_vcpus; i++) {
		const struct model_vcpu *vcpu = &m->vcpus[i];

		if (!is_listed(m, i))
			continue;
		if (has_exact_id(m, vcpu, dest) ||
		    has_written_id(m, vcpu, dest) ||
		    (has_xapic_id(vcpu, dest) && owner == VCPUS_MAX))
			owner = i;
	}
	return owner;
}

static enum logical_mode logical_mode_of(const struct model_vcpu *vcpu)
{
	if (vcpu->listing.mode == APIC_MODE_X2APIC)
		return LOGICAL_X2APIC;
	return vcpu->listing.dfr == DFR_FLAT ? LOGICAL_FLAT : LOGICAL_CLUSTER;
}

static bool has_logical_id(const struct model *m, uint32_t vcpu)
{
	return is_listed(m, vcpu) && m->vcpus[vcpu].listing.svr & SVR_ENABLE &&
	       m->vcpus[vcpu].listing.ldr;
}

/* The members that a logical ID names: bits of it, in one cluster. */
static uint32_t members(uint32_t id, enum logical_mode mode)
{
	return mode == LOGICAL_FLAT ? id & 0xff : id & 0xf;
}

static bool same_cluster(uint32_t a, uint32_t b, enum logical_mode mode)
{
	return mode == LOGICAL_FLAT || (a >> 4 & 0xf) == (b >> 4 & 0xf);
}

/* KVM: several members in one ID, or one of them twice, cannot be listed. */
static bool logical_id_is_listable(const struct model *m, uint32_t vcpu,
				   enum logical_mode mode)
{
	uint32_t id = logical_id(&m->vcpus[vcpu]);
	uint32_t mine = members(id, mode);

	if (mine & (mine - 1))
		return in_force(m, ERRATUM_logical_lowest_bit_only) &&
		       decides(m, ERRATUM_logical_lowest_bit_only);
	if (in_force(m, ERRATUM_logical_alias_last_wins) &&
	    decides(m, ERRATUM_logical_alias_last_wins))
		return true;
	for (uint32_t i = 0; mine && i < vcpu; i++) {
		uint32_t other = logical_id(&m->vcpus[i]);

		if (has_logical_id(m, i) && same_cluster(id, other, mode) &&
		    members(other, mode) == mine)
			return false;
	}
	return true;
}

static enum logical_mode snapshot_logical_mode(const struct model *m)
{
	enum logical_mode mode = LOGICAL_NOBODY;

	for (uint32_t i = 0; i < m->snapshot.nr_vcpus; i++) {
		enum logical_mode own = logical_mode_of(&m->vcpus[i]);

		if (!has_logical_id(m, i))
			continue;
		if (mode != LOGICAL_NOBODY && mode != own)
			return LOGICAL_MIXED;
		if (own != LOGICAL_X2APIC && !logical_id_is_listable(m, i, own))
			return LOGICAL_MIXED;
		mode = own;
	}
	return mode;
}

/* The vCPU that is member @member of what @dest names, or VCPUS_MAX. */
static uint32_t member_owner(const struct model *m, uint32_t dest,
			     uint32_t member, enum logical_mode mode)
{
	if (mode == LOGICAL_X2APIC)
		return snapshot_owner(m, (dest >> 16 << 4) + member);
	for (uint32_t i = m->snapshot.nr_vcpus; i-- > 0;) {
		uint32_t id = logical_id(&m->vcpus[i]);
		uint32_t mine = members(id, mode);

		/* Of several bits the lowest counts; of several vCPUs the last. */
		if (has_logical_id(m, i) && same_cluster(dest, id, mode) &&
		    (mine & -mine) == 1u << member)
			return i;
	}
	return VCPUS_MAX;
}

/* The members that @dest names and the table has room for, a bit each. */
static uint32_t named_members(const struct model *m, uint32_t dest,
			      enum logical_mode mode)
{
	uint32_t first = dest >> 16 << 4, named = 0;

	if (mode == LOGICAL_NOBODY)
		return 0;
	if (mode != LOGICAL_X2APIC)
		return members(dest, mode);
	for (uint32_t i = 0; i < 16; i++)
		if (dest >> i & 1 && first + i <= highest_id(m))
			named |= 1u << i;
	return named;
}

/* The @nth bit of @bits that is set, counted from 0 and round and round. */
static uint32_t nth_bit(uint32_t bits, uint32_t nth)
{
	nth %= (uint32_t)__builtin_popcount(bits);
	for (uint32_t bit = 0;; bit++)
		if (bits >> bit & 1 && nth-- == 0)
			return bit;
}

static void add(struct receivers *out, uint32_t vcpu)
{
	if (vcpu != VCPUS_MAX)
		out->reception[vcpu] = RECEPTION_YES;
}

/* All that the snapshot has for a physical ID; of aliases more than one. */
static void look_up_physical(const struct model *m, uint32_t dest,
			     struct receivers *out)
{
	for (uint32_t i = 0; i < m->snapshot.nr_vcpus; i++)
		if (is_listed(m, i) && (has_exact_id(m, &m->vcpus[i], dest) ||
					has_written_id(m, &m->vcpus[i], dest) ||
					has_xapic_id(&m->vcpus[i], dest)))
			add(out, i);
}

/*
 * KVM: where one is to be picked it is by the vector, among the members that
 * are named, whether they are there or not.
 */
static void look_up_logical(const struct model *m, struct message *msg,
			    enum logical_mode mode, struct receivers *out)
{
	uint32_t named = named_members(m, msg->dest, mode);

	if (msg->one_of && named && in_force(m, ERRATUM_lowest_counts_absent) &&
	    decides(m, ERRATUM_lowest_counts_absent))
		named = 1u << nth_bit(named, msg->vector);
	for (uint32_t member = 0; member < 16; member++)
		if (named >> member & 1)
			add(out, member_owner(m, msg->dest, member, mode));
}

/* KVM: kvm_apic_is_broadcast_dest. */
static bool snapshot_sees_broadcast(const struct model *m,
				    const struct message *msg,
				    enum logical_mode mode)
{
	bool from_x2apic = msg->sender &&
			   vcpu_mode(msg->sender) == APIC_MODE_X2APIC;

	if (m->x2apic_api & X2APIC_API_DISABLE_BROADCAST_QUIRK)
		return msg->dest == X2APIC_BROADCAST ||
		       (msg->dest == XAPIC_BROADCAST && mode != LOGICAL_X2APIC);
	return msg->dest == (from_x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST);
}

/* Of a vCPU that may have been reset, LDR, DFR and SVR are not known. */
static bool logical_ids_are_unsure(const struct model *m)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].exists && m->vcpus[i].undefined)
			return true;
	return false;
}

/*
 * Can nobody say what the snapshot makes of @msg? Who is in it may not be
 * known; and where logical IDs are not, then neither is a logical destination,
 * nor whether 0xff is a broadcast.
 */
bool snapshot_is_unsure(const struct model *m, const struct message *msg)
{
	if (m->snapshot.unsure)
		return true;
	return (msg->logical || msg->dest == XAPIC_BROADCAST) &&
	       logical_ids_are_unsure(m);
}

static void reach_all_perhaps(const struct model *m, struct receivers *out)
{
	for (uint32_t i = 0; i < m->nr_vcpus; i++) {
		const struct model_vcpu *vcpu = &m->vcpus[i];
		bool on = vcpu->exists && vcpu_mode(vcpu) != APIC_MODE_OFF;

		out->reception[i] = on ? RECEPTION_UNDEFINED : RECEPTION_NO;
	}
}

bool snapshot_look_up(const struct model *m, struct message *msg,
		      struct receivers *out)
{
	enum logical_mode mode;

	if (!in_force(m, ERRATUM_routing_snapshot) ||
	    msg->shorthand != SHORTHAND_NONE)
		return false;
	if (snapshot_is_unsure(m, msg)) {
		decides(m, ERRATUM_routing_snapshot);
		reach_all_perhaps(m, out);
		return true;
	}
	if (!snapshot_is_usable(m))
		return false;
	mode = snapshot_logical_mode(m);
	if (snapshot_sees_broadcast(m, msg, mode))
		return false;
	if (msg->logical && mode == LOGICAL_MIXED)
		return false;
	/* KVM: KVM_APIC_MODE_SW_DISABLED, since 6.3. */
	if (msg->logical && mode == LOGICAL_NOBODY &&
	    !(in_force(m, ERRATUM_logical_disabled_lost) &&
	      decides(m, ERRATUM_logical_disabled_lost)))
		return false;
	decides(m, ERRATUM_routing_snapshot);
	for (uint32_t i = 0; i < m->nr_vcpus; i++)
		out->reception[i] = RECEPTION_NO;
	if (msg->logical)
		look_up_logical(m, msg, mode, out);
	else
		look_up_physical(m, msg->dest, out);
	return true;
}
