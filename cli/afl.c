/*
 * AFL++: one main instance and any number of secondary ones on the folder
 * OUT/afl. It hides what its target prints and how that ends, unless told not
 * to, and keeps its figures in files.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fuzz.h"
#include "scenario/check.h"

/* What the command line of afl-fuzz has no words for. */
static const struct {
	const char *name;
	const char *value;
} environment[] = {
	{ "AFL_NO_UI", "1" },
	/* A second run in the same folder goes on with the first. */
	{ "AFL_AUTORESUME", "1" },
	/* The target's FINDING, HARNESS and SKIP lines. */
	{ "AFL_DEBUG_CHILD", "1" },
	/* As with libFuzzer, a job ends with the harness or at a crash. */
	{ "AFL_CRASH_EXITCODE", "3" },
	{ "AFL_BENCH_UNTIL_CRASH", "1" },
	/* What -F names, and other jobs have, is taken before all else. */
	{ "AFL_IMPORT_FIRST", "1" },
	/* Minutes between looks at what the other jobs have found. */
	{ "AFL_SYNC_TIME", "1" },
	/* Which CPU is for the scheduler to say: other work runs as well. */
	{ "AFL_NO_AFFINITY", "1" },
	{ "AFL_SKIP_CPUFREQ", "1" },
	{ "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1" },
	{ "AFL_FORKSRV_INIT_TMOUT", "60000" },
	/* Inputs always do the same: running each new one seven times over
	 * is for targets where they do not. */
	{ "AFL_CAL_FAST", "1" },
	/* By bytes; findings are made short by ops. */
	{ "AFL_DISABLE_TRIM", "1" },
};

/* What the user has set stays. */
static bool set_environment(bool by_ops)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(environment); i++)
		setenv(environment[i].name, environment[i].value, 0);
	if (!by_ops)
		return true;
	if (!engine_file(path, "afl_mutator.so"))
		return false;
	setenv("AFL_CUSTOM_MUTATOR_LIBRARY", path, 0);
	setenv("AFL_CUSTOM_MUTATOR_ONLY", "1", 0);
	return true;
}

static bool on_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	while (path && *path) {
		int len = (int)strcspn(path, ":");

		if (snprintf(file, sizeof(file), "%.*s/%s", len, path,
			     program) < (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
		path += len + (path[len] == ':');
	}
	fprintf(stderr,
		"%s: not found; start with ./kvmerrata, or: apt-get install "
		"afl++\n",
		program);
	return false;
}

bool afl_command(struct command *out, const struct fuzz_arguments *arguments,
		 unsigned int job)
{
	const char *dir = arguments->out;
	long runs = fuzz_runs_of(arguments, job);
	char binary[PATH_MAX];

	if (!on_path("afl-fuzz") ||
	    !engine_find(binary, arguments->target->name) ||
	    !set_environment(arguments->target->by_ops))
		return false;
	command_add(out, "afl-fuzz");
	command_add(out, "-i%s/seeds", dir);
	command_add(out, "-o%s/afl", dir);
	command_add(out, "-%cjob%u", job ? 'S' : 'M', job);
	/* Only the main one may; the others have it from there. */
	if (!job)
		command_add(out, "-F%s/corpus", dir);
	command_add(out, "-s%ld", arguments->seed + job);
	if (arguments->time)
		command_add(out, "-V%ld", arguments->time);
	if (runs >= 0)
		command_add(out, "-E%ld", runs ? runs : 1);
	/* A new finding is made short before the run ends. */
	command_add(out, "-t%ld", arguments->timeout * 1000);
	command_add(out, "-G512");
	command_add(out, "--");
	command_add(out, "%s", binary);
	command_add_target_options(out, arguments, job);
	return true;
}

/* NULL where it is not there yet, or is of an earlier run. */
static FILE *open_file(const struct job *job, const char *out, const char *name)
{
	char path[PATH_MAX];
	struct stat info;
	FILE *in;

	if (snprintf(path, sizeof(path), "%s/afl/job%u/%s", out, job->number,
		     name) >= (int)sizeof(path))
		return NULL;
	in = fopen(path, "r");
	if (!in ||
	    (fstat(fileno(in), &info) == 0 && info.st_mtime >= job->started))
		return in;
	fclose(in);
	return NULL;
}

/* "key : value" lines, written once a minute and at the end. */
static void read_stats(struct job *job, const char *out)
{
	FILE *in = open_file(job, out, "fuzzer_stats");
	char line[256], key[64];
	double value;

	if (!in)
		return;
	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%63s : %lf", key, &value) != 2)
			continue;
		if (!strcmp(key, "corpus_count"))
			job->corpus = (long)value;
		else if (!strcmp(key, "edges_found"))
			job->coverage = (long)value;
		else if (!strcmp(key, "execs_done"))
			job->runs = (unsigned long long)value;
		else if (!strcmp(key, "stability"))
			job->stability = value;
	}
	fclose(in);
}

/* A line of numbers every few seconds; their names are in the first line. */
static void read_plot(struct job *job, const char *out)
{
	FILE *in = open_file(job, out, "plot_data");
	long coverage = 0, corpus = 0;
	unsigned long long runs = 0;
	char line[512];

	if (!in)
		return;
	/* Only what was added last matters; lines are short. */
	if (fseek(in, -(long)sizeof(line), SEEK_END) == 0 &&
	    !fgets(line, sizeof(line), in))
		line[0] = '\0';
	while (fgets(line, sizeof(line), in))
		if (sscanf(line,
			   "%*d, %*d, %*d, %ld, %*d, %*d, %*f%%, %*d, %*d, "
			   "%*d, %*f, %llu, %ld",
			   &corpus, &runs, &coverage) == 3 &&
		    runs >= job->runs) {
			job->corpus = corpus;
			job->runs = runs;
			job->coverage = coverage;
		}
	fclose(in);
}

/* The first figures in the files are a minute old when they come. */
void afl_read_line(struct job *job, const char *line)
{
	long corpus;

	if (sscanf(line, "[*] Fuzzing test case #%*d (%ld total,", &corpus) ==
	    1)
		job->corpus = corpus;
}

void afl_read_files(struct job *job, const char *out)
{
	if (!job->running)
		read_stats(job, out);
	else
		read_plot(job, out);
}

/* Shared memory outlives an afl-fuzz that was killed: this is what it made. */
static void remove_memory(const struct job *job)
{
	FILE *in = fopen("/proc/sysvipc/shm", "r");
	char line[512];
	long made;
	int id, pid;

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line,
			   "%*d %d %*o %*u %d %*d %*u %*u %*u %*u %*u %*d "
			   "%*d %ld",
			   &id, &pid, &made) == 3 &&
		    pid == job->engine.pid && made >= job->started)
			shmctl(id, IPC_RMID, NULL);
	if (in)
		fclose(in);
}

/* Inputs that AFL++ kept in @name of the job's folder. */
static bool has_inputs(const struct job *job, const char *out, const char *name)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	bool any = false;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/afl/job%u/%s", out, job->number,
		     name) >= (int)sizeof(path))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!any && (entry = readdir(dir)) != NULL)
		any = !strncmp(entry->d_name, "id:", 3);
	closedir(dir);
	if (any)
		fprintf(stderr, "job %u ended; its input is in %s\n",
			job->number, path);
	return any;
}

/* What afl-fuzz ends with when it cannot go on. */
enum { AFL_ABORTED = 1 };

enum exit_status afl_judge(const struct job *job,
			   const struct fuzz_arguments *arguments, int ended)
{
	bool crashed = has_inputs(job, arguments->out, "crashes");
	bool hung = has_inputs(job, arguments->out, "hangs");

	remove_memory(job);
	/* Interrupted while it starts its target it calls that a crash. */
	if (job->interrupted && ended == AFL_ABORTED)
		ended = 0;
	if (ended != 0)
		fprintf(stderr,
			"job %u: afl-fuzz ended with status %d; see "
			"%s/fuzz.%u.log\n",
			job->number, ended, arguments->out, job->number);
	if (job->said != EXIT_AGREE)
		return job->said;
	if (ended != 0)
		return EXIT_HARNESS;
	if (crashed && arguments->target->is_checks)
		return EXIT_DIVERGE;
	return crashed || hung ? EXIT_HARNESS : EXIT_AGREE;
}
