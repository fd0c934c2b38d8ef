/*
 * Scenarios and recordings that do not survive bytes or text, and texts that
 * hurt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/session.h"
#include "scenario/check.h"
#include "scenario/recording.h"
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

static struct recording_head head;
static struct recording_entry entry;

/* Write again what is read. False, with @error, where @text is bad. */
static bool copy_recording(char **out, struct text_error *error,
			   const char *text)
{
	struct recording_reader reader;
	enum recording_more more = RECORDING_BAD;
	size_t len;
	FILE *file = open_memstream(out, &len);

	CHECK(file);
	if (recording_read_head(&reader, &head, error, text)) {
		recording_write_head(file, &head);
		while ((more = recording_read_entry(&entry, error, &reader)) ==
		       RECORDING_ENTRY)
			recording_write_entry(file, &entry);
		recording_write_end(file, reader.nr_entries);
	}
	CHECK(fclose(file) == 0);
	return more == RECORDING_END;
}

/* The input as a recording: what is good is written the same ever after. */
static void parse_recording(const uint8_t *bytes, size_t len)
{
	static char text[1 << 16];
	char *first, *second;
	struct text_error error;

	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (copy_recording(&first, &error, text)) {
		CHECK(copy_recording(&second, &error, first));
		CHECK(!strcmp(first, second));
		free(second);
	} else {
		CHECK(error.line > 0 && error.column > 0);
	}
	free(first);
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
	parse_recording(bytes, len);
	return 0;
}
