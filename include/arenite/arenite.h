/* arenite: what the library tells beyond malloc's own interface. C and C++.
 *
 * Any thread may call this at any time. Nothing is allocated, and errno stays as it is. In a
 * program that may run without the library, declare the function weak and see whether it is there.
 */
#ifndef ARENITE_ARENITE_H
#define ARENITE_ARENITE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory in bytes of whole pages, at one moment.
 *
 * The promise: retained <= bound + credit. Between calls of arenite_stats more may be retained for
 * a moment: a request gives back what came free and 2 MiB beyond, and the next goes on. While other
 * threads allocate and free, their latest steps may be missing from some of the figures. Blocks
 * that are free inside pages in use are live here, and so are small blocks that wait for a thread's
 * next requests, and whole free pages between small blocks until they go: free_in_slabs tells how
 * many of those are known. In classic mode nothing is
 * promised, and all but size and arenas is 0. */
/* NOLINTNEXTLINE(readability-identifier-naming): a name of C */
struct arenite_statistics {
  size_t size;              /* how many bytes of this structure were filled in */
  size_t live;              /* resident and in use */
  size_t retained;          /* resident and free */
  size_t bound;             /* what may be retained: max(1 MiB, live / 8) or less, see TUNING.md */
  size_t credit;            /* what may be retained beyond that because it is being reused */
  size_t retained_slabs;    /* of what is retained: pages of small blocks */
  size_t retained_chunks;   /* of what is retained: whole pages inside free chunks and at the top of
                               arenas */
  size_t retained_mappings; /* of what is retained: mappings of large blocks, kept for the next */
  size_t grown;             /* fresh pages ever taken; wraps */
  size_t reused;            /* retained pages ever used again; wraps */
  size_t purged;            /* retained pages ever given back to the kernel; wraps */
  size_t arenas;            /* that threads share; in default mode for their first blocks */
  size_t free_in_slabs;  /* of what is live: whole free pages between small blocks, as many as the
                            last round of looks found and left; 0 before the first */
  size_t retained_spans; /* of what is retained: whole pages between blocks of more than 8 KiB */
};

/* Fills in the first `size` bytes of *out, which is sizeof(struct arenite_statistics) as the
 * program knows it; later versions add members at the end, and a program that knows fewer gets
 * those. 0, or EINVAL, with nothing filled in, where out is null or the size is less than the
 * structure ever was.
 *
 * Like any call it sees to the promise before it reports. */
int arenite_stats(struct arenite_statistics* out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
