/* What a mail to KVM's maintainers says of the host. */
#include <string.h>
#include <sys/utsname.h>

#include "cli/emit.h"
#include "cli/report.h"
#include "scenario/check.h"

enum { PARAMETERS_MAX = 256, LINE_MAX_LEN = 1024 };

/* The first line of @path, which is not there everywhere. */
static void print_first_line(FILE *out, const char *name, const char *path)
{
	FILE *in = fopen(path, "r");
	char line[LINE_MAX_LEN] = "unknown";

	if (in && fgets(line, sizeof(line), in))
		line[strcspn(line, "\n")] = '\0';
	if (in)
		fclose(in);
	fprintf(out, "%s\n", name);
	emit_wrapped_at(out, MAIL_COLUMNS, "  ", line);
}

/* What /proc/cpuinfo says of the first CPU. */
static void print_cpu(FILE *out)
{
	static const char *const keys[] = { "vendor_id", "cpu family",
					    "model",	 "model name",
					    "stepping",	 "microcode" };
	FILE *in = fopen("/proc/cpuinfo", "r");
	char line[LINE_MAX_LEN];

	fputs("CPU\n", out);
	while (in && fgets(line, sizeof(line), in) && line[0] != '\n') {
		size_t len = strcspn(line, "\t:");
		const char *value = strstr(line, ": ");

		for (size_t i = 0; value && i < ARRAY_SIZE(keys); i++)
			if (strlen(keys[i]) == len &&
			    !strncmp(line, keys[i], len))
				fprintf(out, "  %.*s: %s", (int)len, line,
					value + 2);
	}
	if (in)
		fclose(in);
}

static void print_parameters(FILE *out)
{
	static struct host_parameter list[PARAMETERS_MAX];
	size_t nr = host_parameters(list, PARAMETERS_MAX);
	size_t column = 0;

	fputs("module parameters\n", out);
	for (size_t i = 0; i < nr; i++) {
		size_t len = strlen(list[i].name) + strlen(list[i].value) + 2;

		if (column && column + len > MAIL_COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%s%s=%s", column ? " " : "  ", list[i].name,
			list[i].value);
		column += len;
	}
	fputs(column ? "\n" : "  unknown\n", out);
}

static void print_capabilities(FILE *out, struct kvmdrv *drv)
{
	struct kvmdrv_capability caps[KVMDRV_CAPABILITIES];

	kvmdrv_capabilities(drv, caps);
	fputs("capabilities\n", out);
	for (size_t i = 0; i < KVMDRV_CAPABILITIES; i++)
		fprintf(out, "  %s 0x%x\n", caps[i].name,
			(unsigned int)caps[i].value);
}

static FILE *open_config(char name[LINE_MAX_LEN])
{
	static const char *const forms[] = { "/boot/config-%s",
					     "/lib/modules/%s/config" };
	struct utsname uts;
	FILE *in;

	if (uname(&uts) != 0)
		return NULL;
	snprintf(name, LINE_MAX_LEN, forms[0], uts.release);
	in = fopen(name, "r");
	if (in)
		return in;
	snprintf(name, LINE_MAX_LEN, forms[1], uts.release);
	return fopen(name, "r");
}

static bool matters(const char *line)
{
	return !strncmp(line, "CONFIG_KVM", strlen("CONFIG_KVM")) ||
	       !strncmp(line, "CONFIG_X86_X2APIC", strlen("CONFIG_X86_X2APIC"));
}

/* KVM's part of the kernel's configuration, and where the whole is. */
static void print_config(FILE *out)
{
	static const char packed[] = "/proc/config.gz";
	char name[LINE_MAX_LEN], line[LINE_MAX_LEN];
	FILE *in = open_config(name);
	bool is_packed = !in, found = false;

	if (is_packed) {
		snprintf(name, sizeof(name), "%s", packed);
		in = popen("gzip -dc /proc/config.gz 2>/dev/null", "r");
	}
	fputs(".config\n", out);
	while (in && fgets(line, sizeof(line), in)) {
		if (!found)
			fprintf(out, "  [attach the whole: %s]\n", name);
		found = true;
		if (matters(line))
			fprintf(out, "  %s", line);
	}
	if (!found)
		fputs("  [not to be read here: attach it]\n", out);
	if (in && is_packed)
		pclose(in);
	else if (in)
		fclose(in);
}

void report_host(FILE *out, const struct report_case *c,
		 const struct sides *sides)
{
	print_first_line(out, "kernel", "/proc/version");
	fputs("tree and commit\n  [of that kernel, or \"as released\"]\n", out);
	print_cpu(out);
	fprintf(out, "module\n  %s\n", sides->host.module);
	print_parameters(out);
	fputs("VM\n  ", out);
	config_print(out, &c->scenario.config);
	fputc('\n', out);
	print_capabilities(out, sides->drv);
	print_config(out);
}
