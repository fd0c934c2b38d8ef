/* The table of errata as data, and sets of rows by name. */
#include <string.h>

#include "ref/model.h"

const struct erratum_info erratum_infos[ERRATA] = {
#define ERRATUM(name, kind, source, versions, text) \
	{ #name, ERRATUM_KIND_##kind, source, versions, text },
#include "ref/errata.def"
};

const char *erratum_name(uint32_t row)
{
	return erratum_infos[row].name;
}

/* All but canaries, which nothing real has. */
struct errata errata_switchable(void)
{
	struct errata set = { 0 };

	for (size_t i = 0; i < ERRATA; i++)
		if (erratum_infos[i].kind != ERRATUM_KIND_CANARY)
			set.set |= ROW(i);
	return set;
}

static struct errata documented(void)
{
	struct errata set = { 0 };

	for (size_t i = 0; i < ERRATA; i++)
		if (erratum_infos[i].kind == ERRATUM_KIND_DOCUMENTED)
			set.set |= ROW(i);
	return set;
}

/* Of what the documents say, only one thing is as they say it. */
struct errata errata_observed(void)
{
	struct errata set = { ROW(ERRATUM_lint0_reenabled) };

	for (size_t i = 0; i < ERRATA; i++)
		if (erratum_infos[i].kind == ERRATUM_KIND_UNDOCUMENTED)
			set.set |= ROW(i);
	return set;
}

struct errata errata_with(uint32_t row)
{
	bool in_documents = erratum_infos[row].kind == ERRATUM_KIND_DOCUMENTED;
	struct errata set = in_documents ? documented() : errata_observed();

	set.set |= ROW(row);
	return set;
}

struct errata errata_without(uint32_t row)
{
	struct errata set = errata_with(row);

	set.set &= ~ROW(row);
	return set;
}

static bool name_is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(text, name, len);
}

static bool base_set(struct errata *out, const char *text, size_t len)
{
	out->set = 0;
	if (name_is(text, len, "documented"))
		*out = documented();
	else if (name_is(text, len, "observed"))
		*out = errata_observed();
	else
		return name_is(text, len, "arch");
	return true;
}

/* +row or -row. */
static bool switch_row(struct errata *set, const char *text, size_t len)
{
	if (len < 2 || (*text != '+' && *text != '-'))
		return false;
	for (size_t i = 0; i < ERRATA; i++) {
		if (!name_is(text + 1, len - 1, erratum_infos[i].name))
			continue;
		if (*text == '+')
			set->set |= ROW(i);
		else
			set->set &= ~ROW(i);
		return true;
	}
	return false;
}

bool errata_parse(struct errata *out, const char **out_unknown,
		  const char *text)
{
	size_t len = strcspn(text, ",");

	*out_unknown = text;
	if (!base_set(out, text, len))
		return false;
	while (text[len]) {
		text += len + 1;
		len = strcspn(text, ",");
		*out_unknown = text;
		if (!switch_row(out, text, len))
			return false;
	}
	return true;
}
