//! A program with the crate's allocator has arenite, in Rust and in C, and its blocks are as they should be.

use arenite::{stats, Arenite};
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;

#[global_allocator]
static ALLOCATOR: Arenite = Arenite;

extern "C" {
    fn strdup(text: *const std::ffi::c_char) -> *mut std::ffi::c_char;
    fn free(block: *mut std::ffi::c_void);
}

// One test: figures are of the whole process.
#[test]
fn memory_is_arenites_and_goes_back() {
    let before = stats();
    assert_eq!(before.size, std::mem::size_of::<arenite::Stats>());
    let map: BTreeMap<usize, String> = (0..200_000)
        .map(|n| (n, format!("the value of {n}")))
        .collect();
    let full = stats();
    assert!(full.live > before.live + 200_000 * 32, "{full:?}");
    assert_eq!(map[&1234], "the value of 1234");
    drop(map);
    let empty = stats();
    assert!(
        empty.live < before.live + (full.live - before.live) / 8,
        "{empty:?}"
    );
    assert!(empty.retained <= empty.bound + empty.credit, "{empty:?}");

    // What C takes is arenite's, too: it would end the program at a block that is none of its own.
    let copy = unsafe { strdup(b"taken by C\0".as_ptr().cast()) };
    unsafe { free(copy.cast()) };

    for align in [1, 8, 16, 64, 4096, 1 << 20] {
        for size in [1, 100, 10_000, 5 << 20] {
            let layout = Layout::from_size_align(size, align).unwrap();
            unsafe {
                let block = ALLOCATOR.alloc_zeroed(layout);
                assert_eq!(block as usize % align, 0);
                assert_eq!((*block, *block.add(size - 1)), (0, 0));
                block.add(size - 1).write(7);
                let larger = ALLOCATOR.realloc(block, layout, 2 * size);
                assert_eq!(larger as usize % align, 0);
                assert_eq!(*larger.add(size - 1), 7);
                ALLOCATOR.dealloc(larger, Layout::from_size_align(2 * size, align).unwrap());
            }
        }
    }
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| vec![1u8; 100_000].len()))
        .collect();
    assert_eq!(
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum::<usize>(),
        400_000
    );
}
