/* The forms in which `regress` says what came of its tests. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/regress.h"
#include "scenario/check.h"

/* KTAP, version 1, as the kernel's selftests print it. */

/* A `#` in a name would start a directive. */
static void print_name(const char *name)
{
	for (; *name; name++)
		printf(*name == '#' || *name == '\\' ? "\\%c" : "%c", *name);
}

static void print_comment(const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");

		printf("#   %.*s\n", len, text);
		text += len + (text[len] == '\n');
	}
}

static void tap_start(struct regress *r)
{
	puts("KTAP version 1");
	printf("# host: %s\n", r->sides->host.line);
	printf("# expected: documented; known of the host: %s\n", r->known);
	printf("1..%zu%s\n", r->nr_tests,
	       r->nr_tests ? "" : " # SKIP there is no such scenario");
}

static void tap_test(struct regress *r, size_t test)
{
	static const struct {
		const char *result;
		const char *directive;
	} lines[TEST_OUTCOMES] = {
		[TEST_PASS] = { "ok", NULL },
		[TEST_XFAIL] = { "ok", "XFAIL" },
		[TEST_FAIL] = { "not ok", NULL },
		[TEST_SKIP] = { "ok", "SKIP" },
		[TEST_TIMEOUT] = { "not ok", "TIMEOUT" },
		[TEST_ERROR] = { "not ok", "ERROR" },
	};
	const struct result *result = &r->results[test];

	printf("%s %zu ", lines[result->outcome].result, test + 1);
	print_name(r->tests[test].name);
	if (lines[result->outcome].directive)
		printf(" # %s %s", lines[result->outcome].directive,
		       result->what);
	putchar('\n');
	if (result->outcome == TEST_FAIL)
		print_comment(result->report);
	fflush(stdout);
}

static void tap_end(struct regress *r)
{
	printf("# Totals: pass:%zu fail:%zu xfail:%zu xpass:0 skip:%zu "
	       "error:%zu\n",
	       r->nr[TEST_PASS], r->nr[TEST_FAIL], r->nr[TEST_XFAIL],
	       r->nr[TEST_SKIP], r->nr[TEST_ERROR] + r->nr[TEST_TIMEOUT]);
}

static void print_nothing(struct regress *r)
{
	(void)r;
}

static void print_no_test(struct regress *r, size_t test)
{
	(void)r;
	(void)test;
}

static double seconds_of_all(const struct regress *r)
{
	double sum = 0;

	for (size_t i = 0; i < r->nr_tests; i++)
		sum += r->results[i].seconds;
	return sum;
}

/* JUnit's XML: what Jenkins, GitLab and their like read. */

/* Between tags, or in quotes. What XML has no room for becomes '?'. */
static void print_xml(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		case '\n':
		case '\t':
			putchar(*text);
			break;
		default:
			putchar((unsigned char)*text < ' ' ? '?' : *text);
		}
	}
}

static void print_attribute(const char *name, const char *value)
{
	printf(" %s=\"", name);
	print_xml(value);
	putchar('"');
}

static void junit_outcome(const struct result *result)
{
	static const struct {
		const char *tag;
		const char *type;
	} tags[TEST_OUTCOMES] = {
		[TEST_PASS] = { NULL, NULL },
		[TEST_XFAIL] = { "skipped", "xfail" },
		[TEST_FAIL] = { "failure", NULL },
		[TEST_SKIP] = { "skipped", "skip" },
		[TEST_TIMEOUT] = { "error", "timeout" },
		[TEST_ERROR] = { "error", "harness" },
	};
	const char *tag = tags[result->outcome].tag;
	const char *type = tags[result->outcome].type;

	if (!tag)
		return;
	printf("      <%s", tag);
	print_attribute("type", type ? type : result->verdict);
	print_attribute("message", result->what);
	putchar('>');
	print_xml(result->report);
	printf("</%s>\n", tag);
}

static void junit_test(const struct regress_test *test,
		       const struct result *result)
{
	const char *slash = strrchr(test->name, '/');
	int folder = slash ? (int)(slash - test->name) : 0;
	char class[PATH_MAX];

	snprintf(class, sizeof(class), "%.*s", folder, test->name);
	fputs("    <testcase", stdout);
	print_attribute("classname", folder ? class : ".");
	print_attribute("name", slash ? slash + 1 : test->name);
	printf(" time=\"%.6f\">\n", result->seconds);
	junit_outcome(result);
	puts("    </testcase>");
}

static void junit_property(const char *name, const char *value)
{
	fputs("      <property", stdout);
	print_attribute("name", name);
	print_attribute("value", value);
	puts("/>");
}

static void junit_counts(const struct regress *r)
{
	print_attribute("name", "kvmerrata regress");
	printf(" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
	       "skipped=\"%zu\" time=\"%.6f\">\n",
	       r->nr_tests, r->nr[TEST_FAIL],
	       r->nr[TEST_ERROR] + r->nr[TEST_TIMEOUT],
	       r->nr[TEST_SKIP] + r->nr[TEST_XFAIL], seconds_of_all(r));
}

static void junit_end(struct regress *r)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites",
	      stdout);
	junit_counts(r);
	fputs("  <testsuite", stdout);
	junit_counts(r);
	puts("    <properties>");
	junit_property("host", r->sides->host.line);
	junit_property("expected", "documented");
	junit_property("known", r->known);
	puts("    </properties>");
	for (size_t i = 0; i < r->nr_tests; i++)
		junit_test(&r->tests[i], &r->results[i]);
	puts("  </testsuite>\n</testsuites>");
}

/* JSON, for programs of one's own. */

/* The words of @text. */
static cJSON *json_words(const char *text)
{
	cJSON *words = cJSON_CreateArray();
	char word[WHAT_MAX];

	while (*text) {
		int len = (int)strcspn(text, " ");

		snprintf(word, sizeof(word), "%.*s", len, text);
		cJSON_AddItemToArray(words, cJSON_CreateString(word));
		text += len + (text[len] == ' ');
	}
	return words;
}

static cJSON *json_test(const struct regress_test *test,
			const struct result *result)
{
	static const struct {
		const char *name;
		const char *what;
	} names[TEST_OUTCOMES] = {
		[TEST_PASS] = { "pass", NULL },
		[TEST_XFAIL] = { "xfail", NULL },
		[TEST_FAIL] = { "fail", "signature" },
		[TEST_SKIP] = { "skip", "why" },
		[TEST_TIMEOUT] = { "timeout", "why" },
		[TEST_ERROR] = { "error", "why" },
	};
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", test->name);
	cJSON_AddStringToObject(json, "result", names[result->outcome].name);
	cJSON_AddNumberToObject(json, "seconds", result->seconds);
	if (names[result->outcome].what)
		cJSON_AddStringToObject(json, names[result->outcome].what,
					result->what);
	if (result->outcome == TEST_XFAIL)
		cJSON_AddItemToObject(json, "rows", json_words(result->what));
	if (result->outcome != TEST_FAIL)
		return json;
	cJSON_AddStringToObject(json, "verdict", result->verdict);
	cJSON_AddStringToObject(json, "report", result->report);
	return json;
}

static void json_end(struct regress *r)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *tests;
	char *text;

	cJSON_AddStringToObject(all, "format", "kvmerrata-regress-1");
	cJSON_AddStringToObject(all, "host", r->sides->host.line);
	cJSON_AddStringToObject(all, "expected", "documented");
	cJSON_AddStringToObject(all, "known", r->known);
	tests = cJSON_AddArrayToObject(all, "tests");
	for (size_t i = 0; i < r->nr_tests; i++)
		cJSON_AddItemToArray(tests,
				     json_test(&r->tests[i], &r->results[i]));
	text = memory_there(cJSON_Print(all));
	puts(text);
	cJSON_free(text);
	cJSON_Delete(all);
}

const struct regress_format *regress_format(const char *name)
{
	static const struct regress_format formats[] = {
		{ "tap", tap_start, tap_test, tap_end, true },
		{ "junit", print_nothing, print_no_test, junit_end, false },
		{ "json", print_nothing, print_no_test, json_end, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(name, formats[i].name))
			return &formats[i];
	return NULL;
}
