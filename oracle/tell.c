/* What tells two expectations apart, and what an observation says of it. */
#include <string.h>

#include "oracle/explain.h"
#include "scenario/check.h"

/* Bits that the first expectation promises and the second leaves open. */
struct left_open {
	uint32_t bits;
	uint32_t like_first;
};

/* The same piece of two expectations, and of an observation. */
struct piece {
	const void *want[2];
	const void *care[2];
	const void *got;
};

static uint64_t word(const void *at, size_t i, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)at + i, size);
	return value;
}

static void tell_piece(struct telling *out, struct left_open *open,
		       const struct piece *p, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		size_t len = size - i < sizeof(uint64_t) ? size - i :
							   sizeof(uint64_t);
		uint64_t first = word(p->want[0], i, len);
		uint64_t differ = (first ^ word(p->want[1], i, len)) &
				  word(p->care[0], i, len) &
				  word(p->care[1], i, len);
		uint64_t like_first = ~(first ^ word(p->got, i, len)) & differ;

		uint64_t only_first = word(p->care[0], i, len) &
				      ~word(p->care[1], i, len);
		uint64_t open_like = ~(first ^ word(p->got, i, len)) &
				     only_first;

		open->bits += (uint32_t)__builtin_popcountll(only_first);
		open->like_first += (uint32_t)__builtin_popcountll(open_like);
		out->differ += (uint32_t)__builtin_popcountll(differ);
		out->like_first += (uint32_t)__builtin_popcountll(like_first);
	}
}

void oracle_tell(struct telling *out, const struct expectation *first,
		 const struct expectation *second,
		 const struct observation *got)
{
	struct left_open open = { 0 };

	memset(out, 0, sizeof(*out));
	CHECK(first->want.nr_steps == second->want.nr_steps);
	CHECK(first->want.nr_steps == got->nr_steps);
	CHECK(first->want.nr_states == got->nr_states);
	for (uint32_t i = 0; i < got->nr_steps; i++) {
		const struct piece answer = {
			{ &first->want.steps[i].answer,
			  &second->want.steps[i].answer },
			{ &first->care.steps[i].answer,
			  &second->care.steps[i].answer },
			&got->steps[i].answer,
		};

		tell_piece(out, &open, &answer, sizeof(struct answer));
	}
	for (uint32_t i = 0; i < got->nr_states; i++) {
		const struct piece state = {
			{ &first->want.states[i], &second->want.states[i] },
			{ &first->care.states[i], &second->care.states[i] },
			&got->states[i],
		};

		tell_piece(out, &open, &state, sizeof(struct vcpu_state));
	}
	if (!out->differ && open.bits) {
		out->differ = open.bits;
		out->like_first = open.like_first == open.bits ? open.bits : 0;
	}
	out->like_second = out->differ - out->like_first;
}
