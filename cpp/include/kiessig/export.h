/// KIESSIG_API marks what a shared libkiessig offers; everything else in it is hidden.
///
/// Programs define nothing: the CMake target kiessig::core passes KIESSIG_STATIC on where the library is a static one,
/// which matters on Windows only. KIESSIG_BUILDING is set while the library itself is compiled.

#ifndef KIESSIG_EXPORT_H
#define KIESSIG_EXPORT_H

#if defined(_WIN32)
#if defined(KIESSIG_BUILDING)
#define KIESSIG_API __declspec(dllexport)
#elif defined(KIESSIG_STATIC)
#define KIESSIG_API
#else
#define KIESSIG_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define KIESSIG_API __attribute__((visibility("default")))
#else
#define KIESSIG_API
#endif

#endif
