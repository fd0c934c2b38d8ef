/* Scenarios from files, in either form. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

/* More than the longest scenario takes as text, comments included. */
enum { INPUT_MAX = 1 << 20 };

static bool complain(const char *path, const char *what)
{
	fprintf(stderr, "%s:1:1: %s\n", path, what);
	return false;
}

/* The length, or -1 after a message. */
static long read_all(char *out, const char *path)
{
	bool standard_input = !strcmp(path, "-");
	FILE *in = standard_input ? stdin : fopen(path, "rb");
	size_t len = 0;
	int error = errno;

	if (in) {
		errno = 0;
		len = fread(out, 1, INPUT_MAX, in);
		error = ferror(in) ? errno : 0;
		if (!standard_input)
			fclose(in);
	}
	if (!in || error) {
		complain(path, strerror(error));
		return -1;
	}
	if (len == INPUT_MAX) {
		complain(path, "larger than any scenario (1 MiB)");
		return -1;
	}
	out[len] = '\0';
	return (long)len;
}

static bool looks_like_text(const char *path, const char *bytes, size_t len)
{
	size_t name_len = strlen(path);

	if (name_len >= 4 && !strcmp(path + name_len - 4, ".scn"))
		return true;
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)bytes[i]) &&
		    !isspace((unsigned char)bytes[i]))
			return false;
	return len > 0;
}

bool input_read(struct scenario *out, const char *path, enum input_form form,
		bool *out_is_text)
{
	static char bytes[INPUT_MAX + 1];
	struct text_error error;
	long len = read_all(bytes, path);

	if (len < 0)
		return false;
	*out_is_text = form == INPUT_GUESS &&
		       looks_like_text(path, bytes, (size_t)len);
	if (!*out_is_text) {
		scenario_decode(out, (const uint8_t *)bytes, (size_t)len);
		return true;
	}
	if (strlen(bytes) != (size_t)len)
		return complain(path, "a NUL byte in a scenario text");
	if (scenario_parse(out, &error, bytes))
		return true;
	fprintf(stderr, "%s:%d:%d: %s\n", path, error.line, error.column,
		error.message);
	return false;
}

const char *input_comment(char *out, size_t cap, const char *at)
{
	int len;

	if (*at != '#')
		return NULL;
	at += 1 + (at[1] == ' ');
	len = (int)strcspn(at, "\n");
	snprintf(out, cap, "%.*s", len, at);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\177')
			*c = '?';
	return at + len + (at[len] == '\n');
}

bool input_text(char *out, size_t cap, const char *path)
{
	FILE *in = fopen(path, "r");

	out[0] = '\0';
	if (!in)
		return false;
	out[fread(out, 1, cap - 1, in)] = '\0';
	fclose(in);
	return true;
}
