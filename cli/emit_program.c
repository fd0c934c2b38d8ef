/* The whole of an emitted program: what it says of itself, and its main(). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/emit.h"
#include "oracle/explain.h"
#include "oracle/report.h"
#include "ref/model.h"
#include "scenario/x86.h"

static void print_own_line(FILE *out, const char *line)
{
	if (strlen(line) + 3 > 80)
		emit_wrapped(out, " * ", line);
	else if (*line)
		fprintf(out, " * %s\n", line);
	else
		fputs(" *\n", out);
}

/* The comments that the file of the scenario begins with, but for reports. */
static void print_own_words(FILE *out, const char *text)
{
	char line[1024];

	if (!strncmp(text, "# kvmerrata: ", strlen("# kvmerrata: ")))
		return;
	while ((text = input_comment(line, sizeof(line), text)) != NULL)
		print_own_line(out, line);
	fputs(" *\n", out);
}

static void __attribute__((format(printf, 2, 3)))
say(FILE *out, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	emit_wrapped(out, " * ", text);
}

static void print_rows(FILE *out, errata_rows rows)
{
	for (uint32_t row = 0; row < ERRATA; row++)
		if (rows >> row & 1) {
			fprintf(out, " * - %s (%s):\n", erratum_infos[row].name,
				erratum_infos[row].source);
			emit_wrapped(out, " *   ", erratum_infos[row].text);
		}
}

/* Where what is expected comes from. */
static void print_expectation(FILE *out, const struct emission *e,
			      const struct emit_about *about)
{
	errata_rows rows = e->rows & about->sides->errata.set;

	say(out,
	    "Expected is what the architecture says (Intel's SDM, AMD's APM)%s",
	    rows ? ", and of what is known of KVM:" :
		   "; no known departure of KVM's matters to it.");
	print_rows(out, rows);
	fputs(" *\n", out);
}

static void print_differences(FILE *out, const struct verdict *v)
{
	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX;
	     i++) {
		const struct difference *d = &v->differences[i];

		if (d->vcpu < 0)
			say(out,
			    "- the answer, %s: expected 0x%" PRIx64
			    ", got 0x%" PRIx64,
			    d->name, d->want, d->got);
		else
			say(out,
			    "- vCPU %d, %s: expected 0x%" PRIx64
			    ", got 0x%" PRIx64,
			    d->vcpu, d->name, d->want, d->got);
	}
}

static void print_verdict(FILE *out, const struct emission *e,
			  const struct emit_about *about)
{
	const struct verdict *v = about->verdict;

	if (!v) {
		say(out, "It was not run where this was made: %s",
		    about->not_run);
		fputs(" *\n", out);
		return;
	}
	say(out, "On %s: %s.", about->host, verdict_name(v->kind));
	if (v->kind == VERDICT_DIVERGE || v->kind == VERDICT_EXPLAINED) {
		say(out, "Signature: %s", v->signature);
		if (v->step < e->scenario->nr_ops)
			say(out, "First difference: op %" PRIu32, v->step + 1);
		else
			say(out, "First difference: at the end");
		print_differences(out, v);
	}
	if (v->nr_explanations) {
		say(out, "As it would be if these were the other way round:");
		print_rows(out, v->explanations[0].set);
	}
	fputs(" *\n", out);
}

static void print_scenario(FILE *out, const struct scenario *s)
{
	fputs(" * The scenario, as kvmerrata has it:\n *   ", out);
	config_print(out, &s->config);
	for (size_t i = 0; i < s->nr_ops; i++) {
		fputs("\n *   ", out);
		op_print(out, &s->ops[i]);
	}
	fputs("\n *\n", out);
}

static void print_head(FILE *out, const struct emission *e,
		       const struct emit_about *about)
{
	const char *version = getenv("KVMERRATA_VERSION");

	fputs("// SPDX-License-Identifier: MIT\n/*\n", out);
	print_own_words(out, about->text);
	say(out, "Made by: kvmerrata%s%s emit-c%s %s", version ? " " : "",
	    version ? version : "", about->options, about->path);
	fputs(" *\n", out);
	print_expectation(out, e, about);
	print_verdict(out, e, about);
	print_scenario(out, e->scenario);
	fputs(" * To run it: gcc -Wall -static -o reproducer FILE.c && "
	      "./reproducer\n"
	      " * Exit status: 0 all as expected, 1 something differs, "
	      "4 it cannot be tested here.\n"
	      " */\n",
	      out);
}

static uint32_t greatest_vcpu_id(const struct scenario *s)
{
	uint32_t greatest = 0;

	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_vcpu_create &&
		    s->ops[i].as.vcpu_create.vcpu_id > greatest)
			greatest = s->ops[i].as.vcpu_create.vcpu_id;
	return greatest;
}

static bool has_op(const struct scenario *s, enum op_kind kind)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == kind)
			return true;
	return false;
}

static void print_numbers(struct emission *e)
{
	fprintf(e->out,
		"/* Of this program. */\n"
		"#define NR_VCPUS %zu\n"
		"#define NR_OUTCOMES %" PRIu32 "\n"
		"#define IOAPIC_PINS %u\n"
		"#define PIC_PINS %u\n"
		"#define IRQCHIP_IS_FULL %d\n"
		"#define HAS_LONG_MODE %d /* in its vCPUs' CPUID */\n",
		scenario_nr_vcpus(e->scenario, e->scenario->nr_ops),
		e->nr_outcomes, IOAPIC_PINS, PIC_PINS,
		e->scenario->config.irqchip == IRQCHIP_FULL,
		e->scenario->config.cpuid == CPUID_X2APIC);
}

static void print_needs(struct emission *e)
{
	const struct scenario *s = e->scenario;
	size_t nr_vcpus = scenario_nr_vcpus(s, s->nr_ops);

	emit_statement(e, "open_kvm();");
	if (s->config.irqchip == IRQCHIP_SPLIT)
		emit_statement(e, "need(KVM_CAP_SPLIT_IRQCHIP, 1);");
	if (s->config.x2apic_api || has_op(s, OP_x2apic_api_enable))
		emit_statement(e, "need(KVM_CAP_X2APIC_API, 1);");
	if (has_op(s, OP_gsi_route))
		emit_statement(e, "need(KVM_CAP_IRQ_ROUTING, 1);");
	if (has_op(s, OP_msi))
		emit_statement(e, "need(KVM_CAP_SIGNAL_MSI, 1);");
	if (nr_vcpus > 1)
		emit_statement(e, "need(KVM_CAP_MAX_VCPUS, %zu);", nr_vcpus);
	if (greatest_vcpu_id(s))
		emit_statement(e,
			       "need(KVM_CAP_MAX_VCPU_ID, 0x%" PRIx32 " + 1);",
			       greatest_vcpu_id(s));
}

static void print_make_vm(struct emission *e)
{
	const struct config *config = &e->scenario->config;
	char flags[VALUE_TEXT_MAX];

	fputs("static void make_vm(void)\n{\n", e->out);
	emit_statement(e, "vm_fd = must(ioctl(kvm_fd, KVM_CREATE_VM, 0));");
	switch ((enum irqchip)config->irqchip) {
	case IRQCHIP_SPLIT:
		emit_statement(e, "set_cap(KVM_CAP_SPLIT_IRQCHIP, "
				  "IOAPIC_PINS);");
		break;
	case IRQCHIP_FULL:
		emit_statement(e, "must(ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0));");
		break;
	}
	if (config->x2apic_api)
		emit_statement(e, "set_cap(KVM_CAP_X2APIC_API, %s);",
			       value_text(flags, VALUE_X2APIC_API,
					  config->x2apic_api));
	if (config->boot_vcpu_id)
		emit_statement(e,
			       "must(ioctl(vm_fd, KVM_SET_BOOT_CPU_ID, "
			       "0x%" PRIx32 "L));",
			       config->boot_vcpu_id);
	if (config->quirks_off)
		emit_statement(e, "disable_quirks(%s);",
			       value_text(flags, VALUE_QUIRKS,
					  config->quirks_off));
	fputs("}\n\n", e->out);
}

static void print_steps(struct emission *e)
{
	for (e->step = 0; e->step < e->scenario->nr_ops; e->step++) {
		emit_op(e);
		emit_check_states(e);
	}
	emit_check_states(e);
}

static void print_tables(struct emission *e)
{
	emit_state_tables(e->out, e);
}

/* What @print writes, to be freed. */
static char *text_of(struct emission *e, void (*print)(struct emission *e))
{
	char *text = NULL;
	size_t len;

	e->out = memory_there(open_memstream(&text, &len));
	print(e);
	if (fclose(e->out) != 0)
		memory_there(NULL);
	return memory_there(text);
}

static void print_main(struct emission *e)
{
	FILE *out = e->out;
	char *steps = text_of(e, print_steps);

	e->out = out;
	fprintf(out, "int main(void)\n{\n");
	if (strstr(steps, "(&state,"))
		fputs("\tstruct state state;\n", out);
	if (strstr(steps, "&value") || strstr(steps, "value = "))
		fputs("\tuint64_t value;\n", out);
	if (strstr(steps, "result = "))
		fputs("\tint result;\n", out);
	fputc('\n', out);
	print_needs(e);
	emit_statement(e, "make_vm();");
	/* The VMM sets the guest's control registers by what it runs. */
	if (strstr(steps, "result = guest_") || strstr(steps, "set_control("))
		emit_statement(e, "guest_start();");
	if (e->style == EMIT_SELFTEST)
		fprintf(out, "\tplan(%" PRIu32 ");\n", e->nr_checks);
	fprintf(out, "%s\n\treturn finish();\n}\n", steps);
	free(steps);
}

void emit_program(FILE *out, struct emission *e, const struct emit_about *about)
{
	char *numbers = text_of(e, print_numbers);
	char *setup = text_of(e, print_make_vm);
	char *tables = text_of(e, print_tables);
	char *body = text_of(e, print_main);

	print_head(out, e, about);
	emit_pieces(out,
		    (struct emit_variant){
			    .style = e->style,
			    .long_mode = e->scenario->config.guest ==
					 GUEST_LONG,
		    },
		    &(struct emit_text){ numbers, setup, tables, body });
	free(numbers);
	free(setup);
	free(tables);
	free(body);
}
