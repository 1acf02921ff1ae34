# Writes OUT: one line TABLE_MACRO(name, "text") for each .sql file of DIR, in the order of their names.
# cmake -DDIR=... -DOUT=... -DMACRO=... -P embed_sql.cmake
file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(out "/* Generated from ${DIR} by embed_sql.cmake. */\n")
foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
    string(APPEND out "${MACRO}(${name},\n    \"${text}\")\n")
endforeach()
file(WRITE ${OUT} "${out}")
