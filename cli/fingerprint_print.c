/* Fingerprints for people: one host, or several side by side. */
#include "cli/fingerprint.h"

void column_name(char out[COLUMN_MAX], const struct fingerprint *f)
{
	snprintf(out, COLUMN_MAX, "%.30s %.14s", f->host.kernel,
		 f->host.module);
}

/* Why rows are undetermined; below, so that columns stay narrow. */
static void print_whys(const struct fingerprint *list, size_t nr,
		       const char *before)
{
	char name[COLUMN_MAX];

	for (uint32_t row = 0; row < ERRATA; row++) {
		for (size_t i = 0; i < nr; i++) {
			if (!list[i].why[row][0] ||
			    erratum_infos[row].kind == ERRATUM_KIND_CANARY)
				continue;
			column_name(name, &list[i]);
			printf("%s%s, %s: %s\n", before,
			       erratum_infos[row].name, name, list[i].why[row]);
		}
	}
}

void fingerprint_print_table(const struct fingerprint *list, size_t nr)
{
	char name[COLUMN_MAX];

	for (size_t i = 0; i < nr; i++)
		printf("[%zu] %s\n", i + 1, list[i].host.line);
	printf("\n%-30s %-13s", "row", "kind");
	for (size_t i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "[%zu]", i + 1);
		printf(" %-13s", name);
	}
	printf(" source\n");
	for (uint32_t row = 0; row < ERRATA; row++) {
		const struct erratum_info *info = &erratum_infos[row];

		if (info->kind == ERRATUM_KIND_CANARY)
			continue;
		printf("%-30s %-13s", info->name,
		       erratum_kind_name(info->kind));
		for (size_t i = 0; i < nr; i++)
			printf(" %-13s", presence_name(list[i].rows[row]));
		printf(" %s\n", info->source);
	}
	print_whys(list, nr, "# ");
	probes_print_table(list, nr);
}

void fingerprint_print_md(const struct fingerprint *list, size_t nr)
{
	char name[COLUMN_MAX];

	printf("| row | kind |");
	for (size_t i = 0; i < nr; i++) {
		column_name(name, &list[i]);
		printf(" %s |", name);
	}
	printf(" what KVM does |\n|---|---|");
	for (size_t i = 0; i < nr; i++)
		printf("---|");
	printf("---|\n");
	for (uint32_t row = 0; row < ERRATA; row++) {
		const struct erratum_info *info = &erratum_infos[row];

		if (info->kind == ERRATUM_KIND_CANARY)
			continue;
		printf("| [`%s`](../corpora/witness/%s.scn) | %s |", info->name,
		       info->name, erratum_kind_name(info->kind));
		for (size_t i = 0; i < nr; i++)
			printf(" %s |", presence_name(list[i].rows[row]));
		printf(" %s (%s; %s) |\n", info->text, info->source,
		       info->versions);
	}
	print_whys(list, nr, "\n- ");
	probes_print_md(list, nr);
}
