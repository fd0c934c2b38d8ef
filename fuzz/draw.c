/* Values for the fields of a scenario. */
#include "fuzz/draw.h"

#include "scenario/cpuid.h"
#include "scenario/x86.h"

/* xorshift*: any 64 bits. */
static uint64_t draw_bits(struct mutator *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return m->random * 0x2545f4914f6cdd1du;
}

uint64_t draw(struct mutator *m, uint64_t below)
{
	return (draw_bits(m) >> 16) % below;
}

bool one_in(struct mutator *m, uint64_t n)
{
	return draw(m, n) == 0;
}

/* A number with few bits set, or any number. */
static uint64_t draw_number(struct mutator *m)
{
	uint64_t bits = 1ull << draw(m, 64);

	switch (draw(m, 4)) {
	case 0:
		return bits;
	case 1:
		return bits - 1;
	case 2:
		return draw(m, 256);
	}
	return draw_bits(m);
}

/* The vcpu_id of a vCPU of the scenario, or a small one if there is none. */
static uint32_t existing_id(struct mutator *m)
{
	uint32_t ids[VCPUS_MAX];
	uint32_t nr = 0;

	for (size_t i = 0; i < m->s->nr_ops; i++)
		if (m->s->ops[i].kind == OP_vcpu_create && nr < VCPUS_MAX)
			ids[nr++] = m->s->ops[i].as.vcpu_create.vcpu_id;
	return nr ? ids[draw(m, nr)] : (uint32_t)draw(m, 4);
}

/* An ID near what the scenario uses: aliased, truncated, one off, or odd. */
static uint32_t draw_id(struct mutator *m)
{
	static const uint32_t odd[] = {
		0,    1,     2,	    0x0f,  0x10,  0xfe,
		0xff, 0x100, 0x101, 0x1ff, 0xffe, 0xfff
	};

	switch (draw(m, 6)) {
	case 0:
		return existing_id(m);
	case 1:
		return (existing_id(m) & 0xff) + (uint32_t)draw(m, 16) * 0x100;
	case 2:
		return existing_id(m) & 0xff;
	case 3:
		return (existing_id(m) + 1) & VCPU_ID_MAX;
	case 4:
		return DRAW_FROM(m, odd);
	}
	return (uint32_t)draw(m, VCPU_ID_MAX + 1);
}

size_t draw_op_of(struct mutator *m, enum op_kind kind)
{
	size_t nr = m->s->nr_ops, start = nr ? draw(m, nr) : 0;

	for (size_t i = 0; i < nr; i++)
		if (m->s->ops[(start + i) % nr].kind == kind)
			return (start + i) % nr;
	return nr;
}

/* What an op of the scenario writes to the LDR of an xAPIC, or 0. */
static uint32_t existing_ldr(struct mutator *m)
{
	uint32_t ldr = 0;
	uint64_t nr = 0;

	for (size_t i = 0; i < m->s->nr_ops; i++) {
		const struct op *op = &m->s->ops[i];

		if (op->kind == OP_lapic_write &&
		    op->as.lapic_write.reg == APIC_REG_ldr && one_in(m, ++nr))
			ldr = op->as.lapic_write.value >> XAPIC_ID_SHIFT;
	}
	return ldr;
}

/* A logical ID of the scenario: an x2APIC's own, or what an LDR is given. */
static uint32_t existing_logical(struct mutator *m)
{
	uint32_t id = existing_id(m);
	uint32_t ldr = existing_ldr(m);

	return ldr && one_in(m, 2) ? ldr : id >> 4 << 16 | 1u << (id & 15);
}

/* A logical ID: one member or several, of either mode. */
static uint32_t draw_logical(struct mutator *m)
{
	switch (draw(m, 8)) {
	case 0:
		return 1u << draw(m, 8);
	case 1:
		return (uint32_t)draw(m, 256);
	case 2:
		return existing_logical(m) ^ (uint32_t)draw(m, 0x10000);
	case 3:
		return existing_logical(m) ^ 1u << draw(m, 8);
	}
	return existing_logical(m);
}

static uint32_t draw_dest(struct mutator *m)
{
	switch (draw(m, 8)) {
	case 0:
		return XAPIC_BROADCAST;
	case 1:
		return X2APIC_BROADCAST;
	case 2:
	case 3:
		return draw_logical(m);
	case 4:
	case 5:
		return existing_id(m);
	}
	return draw_id(m);
}

static uint8_t draw_vector(struct mutator *m)
{
	if (one_in(m, 16))
		return (uint8_t)draw(m, 32);
	return (uint8_t)(0x20 + draw(m, 0xe0));
}

/* Mostly fixed, edge, physical, as traffic is; anything at times. */
static uint32_t draw_icr_low(struct mutator *m)
{
	uint32_t low = draw_vector(m) | ICR_ASSERT;

	if (one_in(m, 16))
		return (uint32_t)draw_number(m);
	if (one_in(m, 2))
		low |= (uint32_t)draw(m, 8) << ICR_DELIVERY_SHIFT;
	if (one_in(m, 3))
		low |= ICR_LOGICAL;
	if (one_in(m, 4))
		low |= (uint32_t)draw(m, 4) << ICR_SHORTHAND_SHIFT;
	if (one_in(m, 8))
		low |= ICR_LEVEL;
	if (one_in(m, low & ICR_LEVEL ? 2 : 16))
		low &= ~ICR_ASSERT;
	return low;
}

static uint64_t draw_msi_address(struct mutator *m)
{
	bool logical = one_in(m, 3);
	uint32_t dest = logical && !one_in(m, 4) ? draw_logical(m) :
						   draw_dest(m);
	uint64_t address = APICBASE_ADDRESS_DEFAULT | (dest & MSI_DEST_MASK)
							      << MSI_DEST_SHIFT;

	if (one_in(m, 16))
		return draw_number(m);
	if (logical)
		address |= MSI_LOGICAL;
	if (one_in(m, 8))
		address |= MSI_REDIRECTION_HINT;
	if (one_in(m, 2))
		address |= (uint64_t)(dest & ~MSI_DEST_MASK) << 32;
	return address;
}

static uint32_t draw_msi_data(struct mutator *m)
{
	uint32_t data = draw_vector(m);

	if (one_in(m, 16))
		return (uint32_t)draw_number(m);
	if (one_in(m, 2))
		data |= (uint32_t)draw(m, 8) << MSI_DELIVERY_SHIFT;
	if (one_in(m, 8))
		data |= MSI_LEVEL | MSI_ASSERT;
	return data;
}

static uint64_t draw_apicbase(struct mutator *m)
{
	uint64_t value = APICBASE_ADDRESS_DEFAULT | draw(m, 4) << 10;

	if (one_in(m, 4))
		value |= APICBASE_BSP;
	if (one_in(m, 8))
		value ^= 1ull << draw(m, 64);
	return value;
}

/* Half of an entry of the IOAPIC: where its interrupt goes, and what it is. */
static uint32_t draw_redirection(struct mutator *m, uint32_t reg)
{
	uint32_t low = draw_icr_low(m) & 0xfff;

	if (reg & 1)
		return (one_in(m, 3) ? draw_logical(m) : draw_dest(m)) << 24;
	if (one_in(m, 2))
		low |= REDIRECTION_LEVEL;
	if (one_in(m, 4))
		low |= REDIRECTION_MASKED;
	if (one_in(m, 16))
		low |= 1u << draw(m, 32);
	return low;
}

/* A value for register @slot: what it is written with, or anything. */
static uint64_t draw_register(struct mutator *m, uint32_t slot)
{
	static const uint32_t dfrs[] = { DFR_FLAT, DFR_CLUSTER, 0x8fffffff };

	if (one_in(m, 8))
		return draw_number(m);
	if (slot >= DRAW_IOAPIC)
		return draw_redirection(m, slot - DRAW_IOAPIC);
	switch (slot) {
	case APIC_REG_id:
		return one_in(m, 2) ? draw_id(m) : draw_id(m) << XAPIC_ID_SHIFT;
	case APIC_REG_ldr:
		return (one_in(m, 2) ? 1u << draw(m, 8) : draw_logical(m))
		       << XAPIC_ID_SHIFT;
	case APIC_REG_dfr:
		return DRAW_FROM(m, dfrs);
	case APIC_REG_svr:
		return 0xff | (one_in(m, 4) ? 0 : SVR_ENABLE);
	case APIC_REG_icr:
		return (uint64_t)draw_dest(m) << 32 | draw_icr_low(m);
	case APIC_REG_tpr:
	case APIC_REG_self_ipi:
		return draw(m, 256);
	}
	return one_in(m, 2) ? 0 : draw_number(m);
}

/* A value for control register @reg: mostly flags that there are. */
static uint64_t draw_control(struct mutator *m, uint32_t reg)
{
	static const uint64_t cr0s[] = { CR0_ET | CR0_NW | CR0_CD,
					 CR0_PE | CR0_ET, CR0_PE | CR0_PG };
	static const uint8_t cr0_flags[] = { 0,	 1,  2,	 3,  4, 5,
					     16, 18, 29, 30, 31 };
	uint64_t value = 0;

	if (one_in(m, 8))
		return draw_number(m);
	switch ((enum control)reg) {
	case CONTROL_CR0:
		value = DRAW_FROM(m, cr0s);
		for (uint64_t n = draw(m, 4); n > 0; n--)
			value ^= 1ull << DRAW_FROM(m, cr0_flags);
		return value;
	case CONTROL_CR4:
		value = one_in(m, 2) ? CR4_PAE : 0;
		return one_in(m, 2) ? value : value ^ 1ull << draw(m, 26);
	case CONTROL_CR8:
		return draw(m, 17);
	case CONTROL_EFER:
		value = one_in(m, 2) ? EFER_LME : EFER_LME | EFER_LMA;
		return one_in(m, 2) ? value : value ^ 1ull << draw(m, 16);
	}
	return value;
}

static uint64_t draw_named(struct mutator *m, const struct field_type *type)
{
	return type->values[draw(m, type->nr_values)].value;
}

static uint64_t draw_slot(struct mutator *m, const struct field_type *type)
{
	static const uint8_t usual[] = { APIC_REG_svr, APIC_REG_svr,
					 APIC_REG_id,  APIC_REG_ldr,
					 APIC_REG_dfr, APIC_REG_tpr,
					 APIC_REG_eoi, APIC_REG_eoi };

	if (one_in(m, 2))
		return DRAW_FROM(m, usual);
	/* What is in service, how it was triggered, what is requested. */
	if (one_in(m, 4))
		return APIC_REG_isr0 + draw(m, 3 * 8);
	return draw_named(m, type);
}

/* One that a device has, or one near the limits of PIC and IOAPIC. */
static uint64_t draw_gsi(struct mutator *m)
{
	size_t at = draw_op_of(m, OP_gsi_route);

	if (at < m->s->nr_ops && !one_in(m, 8))
		return m->s->ops[at].as.gsi_route.gsi;
	at = draw_op_of(m, OP_ioapic_write);
	if (at < m->s->nr_ops && !one_in(m, 8) &&
	    m->s->ops[at].as.ioapic_write.reg >= IOAPIC_REG_ENTRY)
		return (m->s->ops[at].as.ioapic_write.reg - IOAPIC_REG_ENTRY) /
		       2;
	return one_in(m, 8) ? draw(m, UINT8_MAX + 1) : draw(m, IOAPIC_PINS + 2);
}

static uint64_t draw_msr(struct mutator *m, const struct field_type *type)
{
	static const uint16_t usual[] = {
		MSR_mtrr_phys_base0,
		MSR_mtrr_phys_mask0,
		MSR_mtrr_fix64k_00000,
		MSR_mtrr_def_type,
		MSR_pat,
	};

	return one_in(m, 2) ? DRAW_FROM(m, usual) : draw_named(m, type);
}

/* A memory type, mostly one that there is. */
static uint8_t draw_memtype(struct mutator *m)
{
	static const uint8_t types[] = { MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT,
					 MEMTYPE_WP, MEMTYPE_WB };

	return one_in(m, 16) ? (uint8_t)draw(m, 9) : DRAW_FROM(m, types);
}

/* A value for @msr: a legal one, or one bit away from that, or anything. */
static uint64_t draw_msr_value(struct mutator *m, uint32_t msr)
{
	uint64_t value = draw_memtype(m);
	uint64_t page = draw_number(m) << 12 & 0xfffffffffull;

	if (one_in(m, 8))
		return draw_number(m);
	if (msr <= MSR_mtrr_phys_mask7)
		value = msr & 1 ? page | draw(m, 2) * MTRR_PHYS_MASK_V :
				  page | value;
	else if (msr == MSR_mtrr_def_type)
		value |= draw(m, 4) * MTRR_DEF_TYPE_FE;
	else
		for (int byte = 1; byte < 8; byte++)
			value = value << 8 | draw_memtype(m);
	return one_in(m, 4) ? value ^ 1ull << draw(m, 64) : value;
}

/* One that the profile has, one beside those, or any. */
static uint32_t draw_cpuid_leaf(struct mutator *m)
{
	static const uint32_t leaves[] = { CPUID_BASIC,	   CPUID_FEATURES,
					   CPUID_FEATURES, CPUID_FEATURES,
					   CPUID_TOPOLOGY, CPUID_TOPOLOGY,
					   CPUID_EXTENDED, 0x80000001,
					   0x80000008 };
	static const uint32_t others[] = { 2,	       4,	   7,
					   0xd,	       0x40000000, 0x80000007,
					   0x80000009, 0xc0000000 };

	if (one_in(m, 16))
		return (uint32_t)draw_number(m);
	return one_in(m, 4) ? DRAW_FROM(m, others) : DRAW_FROM(m, leaves);
}

/* Mostly what decides what an input does. */
static uint64_t draw_ioapic_reg(struct mutator *m)
{
	uint64_t reg = IOAPIC_REG_ENTRY + 2 * draw_gsi(m) + one_in(m, 4);

	if (one_in(m, 8) || reg >= IOAPIC_REGS)
		return draw(m, IOAPIC_REGS);
	return reg;
}

uint64_t draw_field(struct mutator *m, const struct field_type *type,
		    uint32_t slot)
{
	switch (type->id) {
	case TYPE_apicbase:
		return draw_apicbase(m);
	case TYPE_reg32:
		return (uint32_t)draw_register(m, slot);
	case TYPE_reg64:
		return draw_register(m, slot);
	case TYPE_dest:
		return draw_dest(m);
	case TYPE_icr_low:
		return draw_icr_low(m);
	case TYPE_vector:
		return draw_vector(m);
	case TYPE_msi_address:
		return draw_msi_address(m);
	case TYPE_msi_data:
		return draw_msi_data(m);
	case TYPE_gsi:
		return draw_gsi(m);
	case TYPE_ioapic_reg:
		return draw_ioapic_reg(m);
	case TYPE_level:
		return !one_in(m, 4);
	case TYPE_vcpu_id:
		return draw_id(m);
	case TYPE_vcpu:
		return draw(m, VCPUS_MAX);
	case TYPE_apic_reg:
		return draw_slot(m, type);
	/* One with IOAPIC and PIC takes long to make, and longer to close. */
	case TYPE_irqchip:
		return one_in(m, 16) ? IRQCHIP_FULL : IRQCHIP_SPLIT;
	/* A guest takes some ten times as long. */
	case TYPE_agent:
		return one_in(m, 3) ? AGENT_GUEST : AGENT_HOST;
	case TYPE_control_value:
		return draw_control(m, slot);
	case TYPE_control:
	case TYPE_mp_state:
	case TYPE_cpuid:
	case TYPE_guest:
	case TYPE_cpuid_reg:
		return draw_named(m, type);
	/* Not every host has all of them. */
	case TYPE_quirks:
		return one_in(m, 2) ? 0 : 1u << draw(m, 3);
	case TYPE_msr:
		return draw_msr(m, type);
	case TYPE_msr_value:
		return draw_msr_value(m, slot);
	case TYPE_cpuid_leaf:
		return draw_cpuid_leaf(m);
	case TYPE_cpuid_subleaf:
		return one_in(m, 8) ? draw_number(m) : draw(m, 3);
	case TYPE_x2apic_api:
		return draw(m, 4);
	}
	CHECK(!"a field type that the mutator does not know");
	return 0;
}

/* What some op of the scenario has in a field of @type, or @value. */
static uint64_t borrow(struct mutator *m, const struct field_type *type,
		       uint64_t value)
{
	const struct op *op;
	const struct record *record;

	if (!m->s->nr_ops)
		return value;
	op = &m->s->ops[draw(m, m->s->nr_ops)];
	record = op_record(op->kind);
	for (uint32_t i = 0; i < record->nr_fields; i++)
		if (record->fields[i].type == type)
			return field_get(&record->fields[i], &op->as);
	return value;
}

/* Bits of a field that mean one thing, or any one bit. */
static uint64_t draw_part(struct mutator *m, const struct field_type *type)
{
	static const uint32_t icr_parts[] = {
		ICR_VECTOR_MASK,
		ICR_DELIVERY_MASK << ICR_DELIVERY_SHIFT,
		ICR_LOGICAL,
		ICR_LEVEL | ICR_ASSERT,
		ICR_SHORTHAND_MASK << ICR_SHORTHAND_SHIFT,
	};
	static const uint32_t data_parts[] = {
		MSI_VECTOR_MASK,
		ICR_DELIVERY_MASK << MSI_DELIVERY_SHIFT,
		MSI_LEVEL | MSI_ASSERT,
	};
	static const uint32_t address_parts[] = {
		MSI_LOGICAL,
		MSI_REDIRECTION_HINT,
	};

	if (type->id == TYPE_icr_low && !one_in(m, 4))
		return DRAW_FROM(m, icr_parts);
	if (type->id == TYPE_msi_data && !one_in(m, 4))
		return DRAW_FROM(m, data_parts);
	if (type->id == TYPE_msi_address && !one_in(m, 4))
		return DRAW_FROM(m, address_parts);
	return 1ull << draw(m, 8 * type->size);
}

/* Another kind of message to the same destination, say. */
static uint64_t change_part(struct mutator *m, const struct field_type *type,
			    uint64_t value)
{
	uint64_t part = draw_part(m, type);
	uint64_t bits = draw_bits(m) & part;

	return bits == (value & part) ? value ^ part : (value & ~part) | bits;
}

uint64_t draw_near(struct mutator *m, const struct field *field,
		   const void *base)
{
	uint64_t value = field_get(field, base);

	switch (draw(m, 10)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return value & 0xff;
	case 3:
		return one_in(m, 2) ? 0 : field->type->max;
	case 4:
		return borrow(m, field->type, value);
	}
	return change_part(m, field->type, value);
}

uint32_t draw_dest_of(struct mutator *m, uint32_t icr_low)
{
	if (icr_low & ICR_LOGICAL && !one_in(m, 4))
		return draw_logical(m);
	return draw_dest(m);
}
