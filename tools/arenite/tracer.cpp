// The filter, and answering it. See tracer.hpp.
//
// The filter is a program of the kernel's small machine, put together here for the two
// architectures that a 64-bit kernel runs: the numbers of system calls differ between them.

#include "tracer.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <optional>

namespace arenite::command {
namespace {

using lab::KernelCall;

struct TracedCall {
  uint32_t number;
  KernelCall call;
};

struct Architecture {
  uint32_t audit_name;
  uint32_t prctl_number;
  std::array<TracedCall, 8> calls;  // a call may be there twice
};

// The own architecture's numbers are the compiler's; those of i386 are what they always were.
constexpr Architecture k_architectures[] = {
#if defined(__x86_64__)
    {AUDIT_ARCH_X86_64,
#elif defined(__aarch64__)
    {AUDIT_ARCH_AARCH64,
#else
#error "the tracer does not know this architecture's system calls"
#endif
     SYS_prctl,
     {{{SYS_brk, KernelCall::brk},
       {SYS_mmap, KernelCall::mmap},
       {SYS_munmap, KernelCall::munmap},
       {SYS_mremap, KernelCall::mremap},
       {SYS_madvise, KernelCall::madvise},
       {SYS_process_madvise, KernelCall::madvise},
       {SYS_mprotect, KernelCall::mprotect},
       {SYS_mmap, KernelCall::mmap}}}},
    {AUDIT_ARCH_I386,
     172,
     {{{45, KernelCall::brk},
       {90, KernelCall::mmap},
       {192, KernelCall::mmap},  // mmap2
       {91, KernelCall::munmap},
       {163, KernelCall::mremap},
       {219, KernelCall::madvise},
       {440, KernelCall::madvise},
       {125, KernelCall::mprotect}}}},
};

std::optional<KernelCall> call_of(const seccomp_data& data) {
  for (const Architecture& architecture : k_architectures) {
    if (architecture.audit_name != data.arch) continue;
    for (const TracedCall& traced : architecture.calls) {
      if (traced.number == static_cast<uint32_t>(data.nr)) return traced.call;
    }
  }
  return std::nullopt;
}

// The machine's program, as it grows.
class Filter {
 public:
  constexpr Filter() {
    for (const Architecture& architecture : k_architectures) add(architecture);
    put(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }

  constexpr const sock_filter* code() const { return code_.data(); }
  constexpr unsigned short size() const { return static_cast<unsigned short>(size_); }

 private:
  // What belongs to one architecture; jumps over all of it for another.
  constexpr void add(const Architecture& architecture) {
    load(offsetof(seccomp_data, arch));
    const size_t other = size_;
    put(BPF_JMP | BPF_JEQ | BPF_K, architecture.audit_name);
    load(offsetof(seccomp_data, nr));
    for (const TracedCall& traced : architecture.calls) {
      put(BPF_JMP | BPF_JEQ | BPF_K, traced.number, 0, 1);
      put(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    put(BPF_JMP | BPF_JEQ | BPF_K, architecture.prctl_number, 0, 3);
    load(offsetof(seccomp_data,
                  args));  // the first argument's lower half: all these are little-endian
    put(BPF_JMP | BPF_JEQ | BPF_K, lab::k_ask_tracer, 0, 1);
    put(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    put(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code_[other].jf = static_cast<uint8_t>(size_ - other - 1);
  }
  constexpr void load(size_t offset) {
    put(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
  }
  constexpr void put(int code, uint32_t operand, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_[size_++] = {static_cast<uint16_t>(code), if_true, if_false, operand};
  }

  size_t size_ = 0;
  std::array<sock_filter, 64> code_{};
};

constexpr Filter k_filter;

// The listener's descriptor, or -1. Speculation stays as it was, or else times would not. TSYNC is
// here for its companion alone, which came with Linux 5.7: before 5.5 a held call could not go on.
int install_filter() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  const sock_fprog program{k_filter.size(), const_cast<sock_filter*>(k_filter.code())};
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                                  &program));
}

// One message of one byte that carries a descriptor, or none.
struct Message {
  Message() {
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  char byte = 0;
  iovec vector{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr header{};
};

void send_descriptor(int socket, int descriptor) {
  Message message;
  if (descriptor >= 0) {
    cmsghdr* const part = CMSG_FIRSTHDR(&message.header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  } else {
    message.header.msg_controllen = 0;
  }
  sendmsg(socket, &message.header, MSG_NOSIGNAL);
}

int receive_descriptor(int socket) {
  Message message;
  ssize_t got = 0;
  do {
    got = recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* const part = got > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (part == nullptr || part->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
  return descriptor;
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

}  // namespace

Tracer::Tracer() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  parent_end_ = ends[0];
  child_end_ = ends[1];
}

Tracer::~Tracer() {
  close_if_open(parent_end_);
  close_if_open(child_end_);
  close_if_open(listener_);
}

void Tracer::trace_me() const {
  if (child_end_ < 0) return;
  const int listener = install_filter();
  send_descriptor(child_end_, listener);
  if (listener >= 0) close(listener);
}

bool Tracer::attach() {
  close_if_open(child_end_);
  if (parent_end_ >= 0) listener_ = receive_descriptor(parent_end_);
  close_if_open(parent_end_);
  return listener_ >= 0;
}

void Tracer::answer() {
  seccomp_notif held{};
  // Refused where the caller was killed meanwhile.
  if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &held) != 0) return;
  seccomp_notif_resp reply{};
  reply.id = held.id;
  const std::optional<KernelCall> call = call_of(held.data);
  if (call) {
    counts_[static_cast<size_t>(*call)]++;
    reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else if (held.data.args[1] < counts_.size()) {
    reply.val = static_cast<int64_t>(std::min<uint64_t>(counts_[held.data.args[1]], INT_MAX));
  } else {
    reply.error = -EINVAL;
  }
  ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

}  // namespace arenite::command
