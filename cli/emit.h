/*
 * Private to the verb emit-c: C programs that do what a scenario does, and
 * compare what they see with what the model expects. A program is its body,
 * made by emit_ops.c and emit_checks.c, and of the pieces in cli/emit/ those
 * that the body names, directly or not.
 */
#ifndef CLI_EMIT_H
#define CLI_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "oracle/oracle.h"

enum emit_style { EMIT_PLAIN, EMIT_SELFTEST };

/* What may happen, as far as the manuals leave a choice: at most so many. */
enum { OUTCOMES_MAX = 64 };

/* What the model expects, in SCHEDULE_FAST, of one list of choices. */
struct possibility {
	struct step *want, *care;
	struct vcpu_state *want_states, *care_states;
};

struct emission {
	const struct scenario *scenario;
	enum emit_style style;
	uint32_t nr_steps;
	uint32_t nr_outcomes; /* at least 1 */
	struct possibility outcomes[OUTCOMES_MAX];
	errata_rows rows; /* that decided something in one of them */
	/* What this host showed, in the same schedule, or NULL. */
	const struct observation *got;
	/* What is expected of each new vCPU alike: and where that is so. */
	struct vcpu_state new_want, new_care;
	bool is_alike[OBSERVABLES];

	/* While the body is written: */
	FILE *out;
	uint32_t step; /* the op that is being written */
	uint32_t nr_checks;
};

/* cli/emit_outcomes.c */

/*
 * What the model expects under @sides->errata. False: the manuals leave more
 * open than can be listed.
 */
bool emit_expect(struct emission *e, const struct oracle_sides *sides,
		 struct expectation *work);
/* False: all outcomes say that this vcpu_create is refused. */
bool emit_is_created(const struct emission *e, uint32_t vcpu);

/* cli/emit_program.c */

/* What is known of the program beside what it does. */
struct emit_about {
	const char *path;
	const char *text; /* of the scenario's file, for its first comment */
	const char *options;
	const char *device;
	const char *host;
	const struct verdict *verdict; /* NULL: not run here, */
	const char *not_run;	       /* for this reason */
	const struct oracle_sides *sides;
};

void emit_program(FILE *out, struct emission *e,
		  const struct emit_about *about);

/* cli/emit_c.c */

struct sides;

/*
 * Fill in what is expected and, where @sides is open, what this host does, and
 * of @about what that leaves. The caller has set @e's scenario and style. False:
 * the manuals leave more than OUTCOMES_MAX outcomes open.
 */
bool emit_prepare(struct emission *e, struct emit_about *about,
		  struct sides *sides);

/* cli/emit_ops.c */

/* The step of op @e->step: a comment, the call, what is expected of it. */
void emit_op(struct emission *e);
/* One function an op, there and in cli/emit_registers.c. */
#define OP(id, name, fields) \
	void emit_##name(struct emission *e, const struct op_##name *op);
#include "scenario/ops.def"

enum { WHAT_MAX = 64 };

/* "the VMM writes SVR of vCPU 0", or "vCPU 0 writes its SVR". */
const char *emit_who_does(char out[WHAT_MAX], enum agent by, uint32_t vcpu,
			  const char *does, const char *what);
/* The number of the op, from 1. */
uint32_t emit_number(const struct emission *e);
/* `result`, when the guest has taken what its vCPU has got by then. */
void emit_takes_events(struct emission *e, uint32_t vcpu);

/* cli/emit_lines.c */

/* A statement of main(), broken where it is too long. */
void __attribute__((format(printf, 2, 3)))
emit_statement(struct emission *e, const char *format, ...);
/* A comment there, after an empty line. */
void __attribute__((format(printf, 2, 3)))
emit_comment(struct emission *e, const char *format, ...);
/* Text in lines that begin with @prefix. */
void emit_wrapped(FILE *out, const char *prefix, const char *text);
void emit_wrapped_at(FILE *out, size_t columns, const char *prefix,
		     const char *text);

/* cli/emit_checks.c */

/* What an answer of the host is: of `result` in the emitted program. */
enum result_kind {
	RESULT_CALL,	/* 0 or -errno */
	RESULT_MSR,	/* ACCEPTED, REFUSED or -errno */
	RESULT_MESSAGE, /* DELIVERED, BLOCKED or -errno */
};

/* `result`, of @what, which is short. */
void emit_check_result(struct emission *e, enum result_kind kind,
		       const char *what);
void emit_check_guest(struct emission *e, const char *what);
/* `value`, which @what read. */
void emit_check_value(struct emission *e, const char *what);
/* The same where a refusal has a value, too. */
void emit_check_status(struct emission *e);
/* What a number must be, in one of the outcomes. */
struct expected {
	uint64_t value;
	uint64_t mask; /* of the bits that count */
};
/* @call with one of @all for each outcome as its next argument, then @rest. */
void emit_choices(struct emission *e, const char *call,
		  const struct expected *all, const char *rest);
/* Are they all the same? */
bool emit_all_alike(const struct expected *all, uint32_t nr);

/* cli/emit_states.c */

/* The state of all vCPUs, where it is read at @e->step. */
void emit_check_states(struct emission *e);
/* The tables that these need. */
void emit_state_tables(FILE *out, const struct emission *e);

/* cli/emit_pieces.c */

/* What is made for one scenario. */
struct emit_text {
	const char *numbers; /* a #define each */
	const char *setup;   /* make_vm() */
	const char *tables;  /* of what a vCPU shows */
	const char *body;    /* main() */
};

/* Which pieces are for a program, of those that not all have. */
struct emit_variant {
	enum emit_style style;
	bool long_mode; /* of the guest */
};

/* Write what @text->body needs of the pieces and of the rest, then itself. */
void emit_pieces(FILE *out, struct emit_variant variant,
		 const struct emit_text *text);

/* cli/emit_values.c */

enum { VALUE_TEXT_MAX = 512, NAME_TEXT_MAX = 32 };

/* What a number means. */
enum value_kind {
	VALUE_PLAIN,
	VALUE_APICBASE,
	VALUE_CR0,
	VALUE_CR4,
	VALUE_EFER,
	VALUE_XAPIC_ID, /* in the upper byte */
	VALUE_SVR,
	VALUE_LVT,
	VALUE_ICR, /* its low half */
	VALUE_MSI_ADDRESS,
	VALUE_MSI_DATA,
	VALUE_QUIRKS,
	VALUE_X2APIC_API, /* flags of KVM_CAP_X2APIC_API */
	VALUE_MP_STATE,
	VALUE_VECTORS, /* a register of IRR, ISR or TMR */
};

/* @value as a C expression, with the names that the pieces define. */
const char *value_text(char out[VALUE_TEXT_MAX], enum value_kind kind,
		       uint64_t value);
/* What is in register @slot of an APIC page. */
enum value_kind value_kind_of(uint32_t slot);
/* "APIC_SVR", and "SVR"; of others both are the same. */
const char *observable_macro(char out[NAME_TEXT_MAX], size_t i);
const char *observable_name(char out[NAME_TEXT_MAX], size_t i);
const char *register_macro(char out[NAME_TEXT_MAX], uint32_t slot);
const char *register_name(char out[NAME_TEXT_MAX], uint32_t slot);
/* "pat" for MSR 0x277: the name of an MSR of msrs.def, or NULL. */
const char *memory_msr_name(uint32_t msr);
/* "MSR_PAT", from its two parts. */
const char *name_macro(char out[NAME_TEXT_MAX], const char *prefix,
		       const char *name);
/* "fixed interrupt, vector 0x42", or "NMI". */
const char *message_text(char out[VALUE_TEXT_MAX], uint32_t low);

#endif
