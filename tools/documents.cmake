# Makes a program's manual page and completions from its own table of options (--help=FORM).
#   cmake -DPROGRAM=FILE [-DEMULATOR=COMMAND] -DMAN=FOLDER -DOUT=FOLDER -P documents.cmake
get_filename_component(name ${PROGRAM} NAME)

function(options_as form variable)
  execute_process(COMMAND ${EMULATOR} ${PROGRAM} --help=${form} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

options_as(bash text)
file(WRITE ${OUT}/bash/${name} "${text}")
options_as(zsh text)
file(WRITE ${OUT}/zsh/_${name} "${text}")

options_as(mdoc OPTIONS)
string(STRIP "${OPTIONS}" OPTIONS)
file(READ ${MAN}/common.mdoc COMMON)
string(STRIP "${COMMON}" COMMON)
file(READ ${MAN}/${name}.mdoc page)
string(CONFIGURE "${page}" page @ONLY)
file(WRITE ${OUT}/man/${name}.1 "${page}")
