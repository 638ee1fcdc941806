// The configuration of a libstdc++ that was built for glibc, without the calls that musl lacks.
// Only the headers are used, and nothing of them that is compiled into libstdc++.
#include_next <bits/c++config.h>
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK
