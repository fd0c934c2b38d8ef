/*
 * Private to ref/ and its tests: the rules of the control registers, which are
 * pure functions of what they hold.
 */
#ifndef REF_CR_H
#define REF_CR_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/x86.h"

struct controls {
	uint64_t cr0, cr4, efer;
};

/* May CR0 hold @value at all, and what it holds when that is loaded. */
bool cr0_is_legal(uint64_t value);
uint64_t cr0_loaded(uint64_t value);

/*
 * May software write @value where @now is what the registers hold? @allowed:
 * the bits that this processor has.
 */
bool cr0_write_is_legal(const struct controls *now, uint64_t value,
			bool is_64bit);
bool cr4_write_is_legal(const struct controls *now, uint64_t value,
			uint64_t allowed);
bool efer_write_is_legal(const struct controls *now, uint64_t value,
			 uint64_t allowed);

/* Do they fit one another, if each may hold what it holds? */
bool controls_are_consistent(const struct controls *c);

#endif
