/* What host this is: kernel, vendor module, CPU. */
#include "kvmdrv/host.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static void describe_cpu(char *out, size_t cap)
{
	FILE *cpuinfo = fopen("/proc/cpuinfo", "r");
	char line[512];

	snprintf(out, cap, "unknown");
	if (!cpuinfo)
		return;
	while (fgets(line, sizeof(line), cpuinfo)) {
		const char *value = strstr(line, ": ");

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		snprintf(out, cap, "%.*s", (int)strcspn(value + 2, "\n"),
			 value + 2);
		break;
	}
	fclose(cpuinfo);
}

/* The module that stands on kvm: kvm_intel, kvm_amd or a rarer one. */
static void describe_module(char *out, size_t cap)
{
	DIR *modules = opendir("/sys/module");
	const struct dirent *entry;

	snprintf(out, cap, "unknown");
	if (!modules)
		return;
	while ((entry = readdir(modules)) != NULL)
		if (!strncmp(entry->d_name, "kvm_", 4))
			snprintf(out, cap, "%.*s", (int)cap - 1, entry->d_name);
	closedir(modules);
}

void host_make_line(struct host *host)
{
	snprintf(host->line, sizeof(host->line), "Linux %s, %s, %s",
		 host->kernel, host->module, host->cpu);
}

void host_describe(struct host *out)
{
	struct utsname uts;

	snprintf(out->kernel, sizeof(out->kernel), "unknown");
	if (uname(&uts) == 0)
		snprintf(out->kernel, sizeof(out->kernel), "%s", uts.release);
	describe_module(out->module, sizeof(out->module));
	describe_cpu(out->cpu, sizeof(out->cpu));
	host_make_line(out);
}

/* @path: /sys/module/MODULE/parameters/NAME. */
static void read_parameter(struct host_parameter *out, const char *path)
{
	const char *module = path + strlen("/sys/module/");
	const char *name = strrchr(path, '/') + 1;
	FILE *in = fopen(path, "r");

	snprintf(out->name, sizeof(out->name), "%.*s.%s",
		 (int)strcspn(module, "/"), module, name);
	snprintf(out->value, sizeof(out->value), "unreadable");
	if (!in)
		return;
	if (!fgets(out->value, sizeof(out->value), in))
		out->value[0] = '\0';
	out->value[strcspn(out->value, "\n")] = '\0';
	fclose(in);
}

size_t host_parameters(struct host_parameter *out, size_t cap)
{
	glob_t found = { 0 };
	size_t nr = 0;

	/* Sorted: what is found first comes first, and then in itself. */
	(void)glob("/sys/module/kvm/parameters/*", 0, NULL, &found);
	(void)glob("/sys/module/kvm_*/parameters/*", GLOB_APPEND, NULL, &found);
	for (; nr < found.gl_pathc && nr < cap; nr++)
		read_parameter(&out[nr], found.gl_pathv[nr]);
	globfree(&found);
	return nr;
}
