/* Where there is no memory there is nothing to go on with. */
#include <stdlib.h>

#include "cli/cli.h"

void *memory_there(void *memory)
{
	if (memory)
		return memory;
	perror("HARNESS: out of memory");
	exit(EXIT_HARNESS);
}
