# The engine nursery's sources, included by this room's CMakeLists.txt.
set(VG_NURSERY_SOURCES nursery.c nursery_process.c)
