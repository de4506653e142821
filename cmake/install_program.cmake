# Installs the program with its man pages and completion scripts, which it prints itself at build time. A cross
# build needs CMAKE_CROSSCOMPILING_EMULATOR, or a program of the same version for this machine.
install(TARGETS weightlift_cli RUNTIME)

set(WEIGHTLIFT_NATIVE_PROGRAM "" CACHE FILEPATH "weightlift for this machine, which prints the man pages of a cross build")
set(WEIGHTLIFT_ZSH_COMPLETION_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Folder of the completion script for zsh")
if(WEIGHTLIFT_NATIVE_PROGRAM)
  set(weightlift_printer ${WEIGHTLIFT_NATIVE_PROGRAM})
elseif(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(STATUS "No man pages and completion scripts: this machine cannot run the program; set WEIGHTLIFT_NATIVE_PROGRAM")
  return()
else()
  set(weightlift_printer weightlift_cli)
endif()

set(weightlift_pages ${PROJECT_BINARY_DIR}/share)
file(MAKE_DIRECTORY ${weightlift_pages})
# weightlift_print(FILE argument...): builds FILE from what the program prints with these arguments.
function(weightlift_print file)
  add_custom_command(OUTPUT ${weightlift_pages}/${file}
    COMMAND ${weightlift_printer} ${ARGN} > ${weightlift_pages}/${file}
    DEPENDS weightlift_cli COMMENT "Printing ${file}" VERBATIM)
  set_property(GLOBAL APPEND PROPERTY WEIGHTLIFT_PAGES ${weightlift_pages}/${file})
endfunction()

weightlift_print(weightlift.1 man)
set(weightlift_manual ${weightlift_pages}/weightlift.1)
# InstallTest compares this list with the program's.
foreach(command convert batch verify diff inspect models preprocess classify evaluate pull push env completion man version help)
  weightlift_print(weightlift-${command}.1 man ${command})
  list(APPEND weightlift_manual ${weightlift_pages}/weightlift-${command}.1)
endforeach()
foreach(shell bash zsh fish)
  weightlift_print(weightlift.${shell} completion ${shell})
endforeach()
get_property(weightlift_printed GLOBAL PROPERTY WEIGHTLIFT_PAGES)
add_custom_target(weightlift_pages ALL DEPENDS ${weightlift_printed})

install(FILES ${weightlift_manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${weightlift_pages}/weightlift.bash RENAME weightlift
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${weightlift_pages}/weightlift.zsh RENAME _weightlift DESTINATION ${WEIGHTLIFT_ZSH_COMPLETION_DIR})
install(FILES ${weightlift_pages}/weightlift.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
