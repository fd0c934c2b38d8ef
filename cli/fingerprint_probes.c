/*
 * What hosts show of the documents, section by section: the probes, and the
 * rows of the section.
 */
#include <string.h>

#include "cli/fingerprint.h"

static bool is_of(uint32_t row, enum probe_section section)
{
	return !strcmp(erratum_infos[row].source, probe_sections[section]);
}

/* The hosts from @first on that have the same reason; false: an earlier has. */
static bool print_who(const struct fingerprint *list, size_t nr, size_t first,
		      enum probe probe)
{
	const char *because = list[first].because[probe];

	for (size_t i = 0; i < first; i++)
		if (!strcmp(list[i].because[probe], because))
			return false;
	printf("   ");
	for (size_t i = first; i < nr; i++)
		if (!strcmp(list[i].because[probe], because))
			printf(" [%zu]", i + 1);
	return true;
}

static void print_probe(const struct fingerprint *list, size_t nr,
			enum probe probe)
{
	printf("%-44s", probe_infos[probe].name);
	for (size_t i = 0; i < nr; i++)
		printf(" %-13s", presence_name(list[i].probes[probe]));
	printf("\n");
	for (size_t i = 0; i < nr; i++)
		if (print_who(list, nr, i, probe))
			printf(" because %s\n", list[i].because[probe]);
}

static void print_row(const struct fingerprint *list, size_t nr, uint32_t row)
{
	printf("%-44s", erratum_infos[row].name);
	for (size_t i = 0; i < nr; i++)
		printf(" %-13s", presence_name(list[i].rows[row]));
	printf(" row, see above\n");
}

void probes_print_table(const struct fingerprint *list, size_t nr)
{
	for (enum probe_section section = 0; section < PROBE_SECTIONS;
	     section++) {
		printf("\n%s\n", probe_sections[section]);
		for (uint32_t row = 0; row < ERRATA; row++)
			if (is_of(row, section))
				print_row(list, nr, row);
		for (enum probe probe = 0; probe < PROBES; probe++)
			if (probe_infos[probe].section == section)
				print_probe(list, nr, probe);
	}
}

static void print_md_probe(const struct fingerprint *list, size_t nr,
			   enum probe probe)
{
	const struct probe_info *info = &probe_infos[probe];

	printf("| `%s` | %s |", info->name, probe_sections[info->section]);
	for (size_t i = 0; i < nr; i++)
		printf(" %s |", presence_name(list[i].probes[probe]));
	printf(" %s |\n", info->text);
}

static void print_md_because(const struct fingerprint *list, size_t nr,
			     enum probe probe)
{
	printf("\n- `%s`:\n", probe_infos[probe].name);
	for (size_t i = 0; i < nr; i++)
		if (print_who(list, nr, i, probe))
			printf(" %s\n", list[i].because[probe]);
}

void probes_print_md(const struct fingerprint *list, size_t nr)
{
	char name[COLUMN_MAX];

	printf("\n| probe | section |");
	for (size_t i = 0; i < nr; i++) {
		column_name(name, &list[i]);
		printf(" [%zu] %s |", i + 1, name);
	}
	printf(" statement |\n|---|---|");
	for (size_t i = 0; i < nr; i++)
		printf("---|");
	printf("---|\n");
	for (enum probe probe = 0; probe < PROBES; probe++)
		print_md_probe(list, nr, probe);
	for (enum probe probe = 0; probe < PROBES; probe++)
		print_md_because(list, nr, probe);
}
