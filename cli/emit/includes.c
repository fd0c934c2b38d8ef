/*
 * Text, not code: pieces of the programs that emit-c writes. A program has those
 * that it names, directly or not: before each piece a mark lists its names. Where
 * it lists none each #define is a piece, and comments go with what follows them.
 * A mark with the name of a style, or of the guest's mode, is for such programs.
 * An indented mark is for a part of the piece around it, also by its names.
 *
 * Here: headers, each with what it is for.
 */
/*% main */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
/*% mmap */
#include <sys/mman.h>
/*% sigaction */
#include <signal.h>
/*% setitimer */
#include <sys/time.h>
#include <time.h>

/*% offsetof */
#include <stddef.h>
/*% close */
#include <unistd.h>

/*% */
