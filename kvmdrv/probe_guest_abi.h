/* Private to probe_guest.c: what it shares with probe_guest.S. */
#ifndef KVMDRV_PROBE_GUEST_ABI_H
#define KVMDRV_PROBE_GUEST_ABI_H

#define PROBE_GUEST_VECTORS 32 /* exceptions */
#define PROBE_GUEST_STUB_SIZE 16
#define PROBE_GUEST_PORT 0xe0 /* the vector, as the code ended */

#endif
