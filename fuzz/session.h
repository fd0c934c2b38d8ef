/*
 * What the fuzz targets share: the options that follow libFuzzer's own, both
 * sides of the comparison, and what is done with a verdict. The only state
 * that outlives an input is here.
 *
 * Options, which libFuzzer leaves alone because of their two dashes:
 *   --against=SET  the errata that the model is under (default: documented)
 *   --out=DIR      keep findings in DIR and go on; without it a finding is
 *                  printed and the process aborts, as engines expect
 *   --job=N        which of the processes that share DIR this is (default: 0)
 *   --kvm=PATH     the KVM device (default: /dev/kvm)
 *   --twin=KIND    of twins: the kind of bystanders, such as aliased-late
 *                  (default: any, as the input's bytes fall)
 *   --sync-input   the input about to run, OUT/running.N.bin, is on the disk
 *                  before it runs: it is there after the host has died
 *   --dangerous    run what may damage this kernel or fill its log
 */
#ifndef FUZZ_SESSION_H
#define FUZZ_SESSION_H

#include <stddef.h>
#include <stdint.h>

struct errata;

/* What engines call; they declare neither. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/*
 * Read the options. Bad ones end the process with status 2. Other arguments
 * are left to the engine.
 */
void session_options(int argc, char **argv);

/* The errata that --against names. */
const struct errata *session_errata(void);

/*
 * Open the driver and the guard. Where there is no usable KVM the process
 * ends with status 4 and the reason.
 */
void session_open_kvm(void);

/*
 * What comes next, until the next input, is done about a find: it happens once
 * and must not look to AFL++ like a property of the input.
 */
void session_stop_counting(void);

/* Run the input on both sides, and keep what is found. */
void session_compare(const uint8_t *bytes, size_t len);

/* From here on, compare the host with itself: session_compare_twin(). */
void session_use_twins(void);

/* Run the input alone and beside bystanders, and keep what is found. */
void session_compare_twin(const uint8_t *bytes, size_t len);

#endif
