"""A core file of a process that goes on: its memory as /proc/PID/mem has it, with the notes that a
kernel would write: threads with their stack pointers, files, the program's name."""

import struct
from pathlib import Path

PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS, NT_PRPSINFO, NT_FILE = 1, 3, 0x46494c45
STACK_POINTER = 19  # in user_regs_struct of x86-64


def note(kind, content, name=b"CORE\0"):
    def padded(data):
        return data + b"\0" * (-len(data) % 4)
    return struct.pack("<III", len(name), len(content), kind) + padded(name) + padded(content)


def status_of(thread):
    registers = [0] * 27
    words = (thread / "syscall").read_text().split()
    if len(words) >= 3:
        registers[STACK_POINTER] = int(words[-2], 16)
    status = bytearray(336)
    struct.pack_into("<i", status, 32, int(thread.name))
    struct.pack_into("<27Q", status, 112, *registers)
    return note(NT_PRSTATUS, bytes(status))


def write(pid, path):
    """Writes it, readable mappings whole, of others no more than where they are."""
    process = Path("/proc") / str(pid)
    about = bytearray(136)
    struct.pack_into("<i", about, 24, pid)
    name = (process / "comm").read_bytes().strip()[:15]
    about[40:40 + len(name)] = name
    notes = note(NT_PRPSINFO, bytes(about))
    threads = sorted((process / "task").iterdir(), key=lambda thread: int(thread.name))
    notes += b"".join(status_of(thread) for thread in threads)
    mappings, files = [], []
    for line in (process / "maps").read_text().splitlines():
        fields = line.split(None, 5)
        begin, end = (int(word, 16) for word in fields[0].split("-"))
        if begin >= 1 << 47:
            continue
        label = fields[5] if len(fields) > 5 else ""
        mappings.append((begin, end, fields[1], label))
        if label.startswith("/"):
            files.append((begin, end, int(fields[2], 16) // 4096, label))
    words = struct.pack("<QQ", len(files), 4096)
    words += b"".join(struct.pack("<QQQ", begin, end, page) for begin, end, page, _ in files)
    notes += note(NT_FILE, words + b"".join(label.encode() + b"\0" for *_, label in files))

    header_bytes = 64 + 56 * (len(mappings) + 1)
    offset = (header_bytes + len(notes) + 4095) // 4096 * 4096
    headers = [struct.pack("<IIQQQQQQ", PT_NOTE, 0, header_bytes, 0, 0, len(notes), len(notes), 1)]
    with open(process / "mem", "rb", buffering=0) as memory, open(path, "wb") as out:
        for begin, end, permissions, label in mappings:
            size = 0
            if "r" in permissions and label not in ("[vvar]", "[vvar_vclock]"):
                size = end - begin
            flags = sum(bit for letter, bit in zip("rwx", (4, 2, 1)) if letter in permissions)
            headers.append(struct.pack("<IIQQQQQQ", PT_LOAD, flags, offset, begin, 0, size, end - begin, 4096))
            if size:
                out.seek(offset)
                for at in range(begin, end, 1 << 20):
                    memory.seek(at)
                    out.write(memory.read(min(1 << 20, end - at)))
                offset += size
        out.truncate(offset)
        out.seek(0)
        ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
        out.write(ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(headers), 0, 0, 0))
        out.write(b"".join(headers) + notes)
