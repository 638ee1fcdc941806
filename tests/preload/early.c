/* A library to be preloaded that needs nothing, not even libc, and allocates in its constructor.
   As nothing orders it after libc, its constructor may be the first code of all to run. */

extern void* malloc(unsigned long);
extern void* realloc(void*, unsigned long);
extern void free(void*);

void* early_block;
unsigned long early_size = 777;

__attribute__((constructor(101))) static void allocate_first(void) {
  char* block = malloc(10);
  for (int i = 0; i < 10; i++) block[i] = 'e';
  void* other = malloc(200000);
  block = realloc(block, early_size);
  for (unsigned long i = 10; i < early_size; i++) block[i] = 'e';
  free(other);
  early_block = block;
}
