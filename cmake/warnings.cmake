# Flags of everything that is ours: facet_flags is linked privately by every target.
add_library(facet_flags INTERFACE)
target_include_directories(facet_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(facet_flags INTERFACE _GNU_SOURCE FACET_VERSION="${PROJECT_VERSION}")
# -ffp-contract=off would cost speed; contraction is decided at compile time, so bytes do not depend on ranks.
target_compile_options(facet_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -fno-math-errno -fno-trapping-math -fvisibility=hidden)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND FACET_ARCHITECTURE)
  target_compile_options(facet_flags INTERFACE -march=${FACET_ARCHITECTURE})
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
if(FACET_SANITIZE)
  target_compile_options(facet_flags INTERFACE -fsanitize=${FACET_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_compile_definitions(facet_flags INTERFACE FACET_SANITIZED)
  target_link_options(facet_flags INTERFACE -fsanitize=${FACET_SANITIZE})
endif()
if(FACET_FUZZERS)
  target_compile_options(facet_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # What libFuzzer's users agree on: limits on sizes are then small.
  target_compile_definitions(facet_flags INTERFACE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION FACET_SANITIZED)
  target_link_options(facet_flags INTERFACE -fsanitize=address,undefined)
endif()
