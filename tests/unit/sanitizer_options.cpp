// What the address sanitizer is told, where these tests are built with it.

/// Freed memory that the sanitizer keeps back, 256 MB otherwise, would count in the peaks that
/// tests of bounded memory look at.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=64"; }
