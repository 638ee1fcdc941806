// Fills a table, frees all of it but one entry in a thousand, and tells what is resident.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(const char* when) {
  char line[200];
  FILE* status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status)) {
    if (strncmp(line, "VmRSS:", 6) == 0) printf("%-7s %4ld MiB\n", when, atol(line + 6) / 1024);
  }
  fclose(status);
}

int main(void) {
  enum { k_entries = 1000 * 1000, k_bytes = 100 };
  static char* entries[k_entries];
  tell("start");
  for (int i = 0; i < k_entries; i++) entries[i] = strcpy(malloc(k_bytes), "entry");
  tell("filled");
  for (int i = 0; i < k_entries; i++) {
    if (i % 1000 != 0) free(entries[i]);
  }
  tell("freed");
}
