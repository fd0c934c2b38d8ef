/* Scenarios that do not survive bytes or text, and texts that hurt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/session.h"
#include "scenario/check.h"
#include "scenario/scenario.h"

static struct scenario decoded, again;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	session_options(*argc, *argv);
	return 0;
}

static void print_and_parse(const struct scenario *s)
{
	static char text[OPS_MAX * 128];
	struct text_error error;
	FILE *out = fmemopen(text, sizeof(text), "w");

	CHECK(out);
	scenario_print(out, s);
	CHECK(fclose(out) == 0);
	CHECK(scenario_parse(&again, &error, text));
	CHECK(scenario_equal(s, &again));
}

/* The input as a text of a stranger's: any answer will do, but a crash. */
static void parse_raw(const uint8_t *bytes, size_t len)
{
	static char text[4096];
	struct text_error error;

	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (scenario_parse(&again, &error, text))
		print_and_parse(&again);
	else
		CHECK(error.line > 0 && error.column > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static uint8_t encoded[SCENARIO_BYTES_MAX];
	size_t encoded_len;

	scenario_decode(&decoded, bytes, len);
	encoded_len = scenario_encode(encoded, sizeof(encoded), &decoded);
	scenario_decode(&again, encoded, encoded_len);
	CHECK(scenario_equal(&decoded, &again));
	print_and_parse(&decoded);
	parse_raw(bytes, len);
	return 0;
}
