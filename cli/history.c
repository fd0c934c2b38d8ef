/* How runs of `fuzz` went: written while they run, read by `report`. */
#include "cli/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/cli.h"

enum { LINE_MAX_LEN = 512, NUMBERS = 8 };

static const char magic[] =
	"kvmerrata-history-1\tstart\tseconds\tscenarios\tcoverage\tcorpus\t"
	"found\texplained\tflaky\ttarget\tengine\n";

/* What a line has before its numbers. */
#define LINE_START "sample"

static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t written = write(fd, text, len);

	if (written >= 0 && (size_t)written < len)
		errno = ENOSPC;
	return written == (ssize_t)len;
}

/*
 * What a new line needs before it: in an empty file the first line; after a
 * line that was cut off what makes it none. False and errno.
 */
static bool start_line(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char last;

	if (len < 0)
		return false;
	if (!len)
		return write_all(fd, magic);
	if (pread(fd, &last, 1, len - 1) != 1)
		return false;
	return last == '\n' || write_all(fd, "?\n");
}

bool history_add(const char *folder, const struct sample *s)
{
	char path[PATH_MAX], line[LINE_MAX_LEN];
	bool good;
	int fd, error;

	if (snprintf(path, sizeof(path), "%s/" HISTORY_FILE, folder) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return false;
	snprintf(line, sizeof(line),
		 LINE_START "\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu"
			    "\t%s\t%s\n",
		 s->start, s->seconds, s->scenarios, s->coverage, s->corpus,
		 s->found, s->explained, s->flaky, s->target, s->engine);
	/* Another `fuzz` may be at work in the same folder. */
	good = flock(fd, LOCK_EX) == 0 && start_line(fd) && write_all(fd, line);
	error = errno;
	if (close(fd) != 0 && good)
		return false;
	errno = error;
	return good;
}

/* The next field of @line, which it ends; NULL: there is none. */
static char *next_field(char **line)
{
	return strsep(line, "\t");
}

static bool read_number(unsigned long long *out, char **line)
{
	const char *field = next_field(line);
	char *end;

	if (!field || !*field || strlen(field) > 18 ||
	    strspn(field, "0123456789") != strlen(field))
		return false;
	*out = strtoull(field, &end, 10);
	return !*end;
}

static bool read_word(char out[HISTORY_WORD_MAX], char **line)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	const char *field = next_field(line);

	if (!field || !*field || strlen(field) >= HISTORY_WORD_MAX ||
	    strspn(field, letters) != strlen(field))
		return false;
	strcpy(out, field);
	return true;
}

/* @line with its newline. */
static bool read_sample(struct sample *out, char *line)
{
	unsigned long long *const numbers[NUMBERS] = {
		&out->start,  &out->seconds, &out->scenarios, &out->coverage,
		&out->corpus, &out->found,   &out->explained, &out->flaky,
	};
	const char *first;
	size_t len = strlen(line);

	if (!len || line[len - 1] != '\n')
		return false;
	line[len - 1] = '\0';
	first = next_field(&line);
	if (!first || strcmp(first, LINE_START) != 0)
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!read_number(numbers[i], &line))
			return false;
	return read_word(out->target, &line) && read_word(out->engine, &line) &&
	       !line;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? -1 : 1;
	return 0;
}

/* Lines longer than any of ours are read in pieces, and none is a sample. */
static void read_samples(struct history *out, FILE *in)
{
	char line[LINE_MAX_LEN];
	size_t room = 0;

	while (fgets(line, sizeof(line), in)) {
		if (out->nr == room) {
			room = room ? 2 * room : 256;
			out->samples = memory_there(realloc(
				out->samples, room * sizeof(*out->samples)));
		}
		if (read_sample(&out->samples[out->nr], line))
			out->nr++;
	}
	if (out->nr)
		qsort(out->samples, out->nr, sizeof(*out->samples), by_time);
}

bool history_read(struct history *out, const char *folder)
{
	char path[PATH_MAX], line[LINE_MAX_LEN];
	FILE *in;
	bool good;

	memset(out, 0, sizeof(*out));
	if (snprintf(path, sizeof(path), "%s/" HISTORY_FILE, folder) >=
	    (int)sizeof(path))
		return false;
	in = fopen(path, "re");
	if (!in)
		return false;
	good = fgets(line, sizeof(line), in) && !strcmp(line, magic);
	if (good)
		read_samples(out, in);
	fclose(in);
	return good;
}
