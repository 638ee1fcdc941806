//! The arenite malloc for Rust programs.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: arenite::Arenite = arenite::Arenite;
//!
//! fn main() {
//!     let before = arenite::stats().live;
//!     let block = vec![1u8; 1 << 20];
//!     assert!(arenite::stats().live >= before + block.len());
//! }
//! ```
//!
//! The program then contains `libarenite.a`, whose `malloc` also serves all C code in it. Settings are read from the
//! environment: see arenite-settings(5).

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_void};

extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn memalign(alignment: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
    fn arenite_stats(out: *mut Stats, size: usize) -> c_int;
}

/// What every block is aligned to, in both modes.
const MIN_ALIGN: usize = 2 * std::mem::size_of::<usize>();

/// The allocator, for `#[global_allocator]`.
pub struct Arenite;

// SAFETY: these are the functions of C, which any thread may call; none unwinds. A block of `malloc` is aligned to
// MIN_ALIGN, one of `memalign` to what was asked for, and `free` takes both.
unsafe impl GlobalAlloc for Arenite {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MIN_ALIGN {
            malloc(layout.size()).cast()
        } else {
            memalign(layout.align(), layout.size()).cast()
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MIN_ALIGN {
            return calloc(1, layout.size()).cast();
        }
        let block = self.alloc(layout);
        if !block.is_null() {
            block.write_bytes(0, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        free(block.cast());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= MIN_ALIGN {
            return realloc(block.cast(), new_size).cast();
        }
        let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
        if !moved.is_null() {
            moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
            self.dealloc(block, layout);
        }
        moved
    }
}

/// Memory in bytes of whole pages, at one moment: `struct arenite_statistics` of libarenite(3).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub size: usize,
    pub live: usize,
    pub retained: usize,
    pub bound: usize,
    pub credit: usize,
    pub retained_slabs: usize,
    pub retained_chunks: usize,
    pub retained_mappings: usize,
    pub grown: usize,
    pub reused: usize,
    pub purged: usize,
    pub arenas: usize,
    pub free_in_slabs: usize,
    pub retained_spans: usize,
}

/// The allocator's figures. Allocates nothing.
pub fn stats() -> Stats {
    let mut stats = Stats::default();
    // SAFETY: it fills in at most so many bytes.
    let status = unsafe { arenite_stats(&mut stats, std::mem::size_of::<Stats>()) };
    debug_assert_eq!(status, 0);
    stats
}
