/*
 * Values for the fields of a scenario, drawn at random but not blindly: from
 * what the scenario already uses, from the edges of a field's domain, and from
 * what such a field usually holds.
 */
#ifndef FUZZ_DRAW_H
#define FUZZ_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/check.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

/* The scenario that is being changed, and what its changes are drawn from. */
struct mutator {
	struct scenario *s;
	uint64_t random; /* not 0 */
};

/* 0 .. @below - 1. */
uint64_t draw(struct mutator *m, uint64_t below);
bool one_in(struct mutator *m, uint64_t n);
#define DRAW_FROM(m, list) ((list)[draw(m, ARRAY_SIZE(list))])

/* A slot from here on is a register of the IOAPIC. */
enum { DRAW_IOAPIC = 0x100 };

/*
 * A value for a field of @type; a register's depends on its slot, and an MSR's
 * on its number, @slot.
 */
uint64_t draw_field(struct mutator *m, const struct field_type *type,
		    uint32_t slot);

/*
 * A value for the number @field of the record at @base that is near what it
 * has, or what another op has in a field of that type.
 */
uint64_t draw_near(struct mutator *m, const struct field *field,
		   const void *base);

/* A destination for the ICR whose low half is @icr_low. */
uint32_t draw_dest_of(struct mutator *m, uint32_t icr_low);

/* The op of this kind at or after a random place, or nr_ops: there is none. */
size_t draw_op_of(struct mutator *m, enum op_kind kind);

#endif
