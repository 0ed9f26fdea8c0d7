# fish completion for clew(1).

# "PID<tab>NAME" for each program; kernel threads have no command line.
function __clew_pids
    for dir in (string match -r '^/proc/[0-9]+$' /proc/*)
        test "$dir" != "/proc/$fish_pid" -a -r $dir/cmdline; or continue
        read -l -z command <$dir/cmdline 2>/dev/null
        read -l name <$dir/comm 2>/dev/null
        test -n "$command" -a -n "$name"; and printf '%s\t%s\n' (string replace /proc/ '' $dir) $name
    end
end

function __clew_names
    __clew_pids | string replace -r '^[0-9]+\t' '' | sort -u
end

# True when the target of the command is not given yet.
function __clew_needs_target
    set -l words (commandline -opc)
    set -e words[1]
    set -l plain
    while test (count $words) -gt 0
        switch $words[1]
            case --name --wait-for '--name=*' '--wait-for=*'
                return 1
            case --for --max-pause --detach-after --calls --stack --rate --exec -x
                set -e words[1]
            case '-*'
            case '*'
                set -a plain $words[1]
        end
        set -e words[1]
    end
    test (count $plain) -eq 1
end

# True when the program of `clew run` is not given yet.
function __clew_needs_program
    set -l words (commandline -opc)
    set -e words[1..2]
    while test (count $words) -gt 0
        switch $words[1]
            case --env --unset-env --cwd --stdin --stdout --stderr --tty --max-pause --detach-after --exec -x
                set -e words[1]
            case '-*'
            case '*'
                return 1
        end
        set -e words[1]
    end
end

set -l commands freeze threads stacks goroutines trace attach run doctor
set -l with_target freeze threads stacks goroutines trace attach

complete -c clew -f
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a freeze -d 'hold every thread of a process, show them, and let go'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a threads -d 'show what every thread of a process is doing'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a stacks -d 'show the stacks of all threads'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a goroutines -d 'show the goroutines of a Go program'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a trace -d 'show every call of some functions'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a attach -d 'debug a running process'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a run -d 'start a program and debug it'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'say whether an attach would work, and if not, why'
complete -c clew -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'show the version'
complete -c clew -s h -l help -d 'show help'

complete -c clew -n "__fish_seen_subcommand_from freeze threads stacks goroutines trace attach doctor; and __clew_needs_target" -k -a '(__clew_pids)'
complete -c clew -n "__fish_seen_subcommand_from $with_target" -l name -x -a '(__clew_names)' -d 'the process of that name'
complete -c clew -n "__fish_seen_subcommand_from $with_target" -l wait-for -x -a '(__clew_names)' -d 'wait until a process of that name is there'
complete -c clew -n "__fish_seen_subcommand_from $with_target run" -l max-pause -x -d 'let the target go after that time'
complete -c clew -n '__fish_seen_subcommand_from freeze' -l for -x -d 'hold that long'
complete -c clew -n '__fish_seen_subcommand_from trace' -l for -x -d 'trace that long'
complete -c clew -n '__fish_seen_subcommand_from trace' -l calls -x -d 'end after so many calls'
complete -c clew -n '__fish_seen_subcommand_from trace' -l stack -x -d 'callers to show of each call'
complete -c clew -n '__fish_seen_subcommand_from trace' -l rate -x -d 'calls to show in a second'
complete -c clew -n '__fish_seen_subcommand_from trace' -l count -d 'a table at the end'
complete -c clew -n '__fish_seen_subcommand_from freeze threads stacks goroutines trace doctor' -l json -d 'one JSON document on standard output'
complete -c clew -n '__fish_seen_subcommand_from threads' -l no-stop -d 'use /proc alone: nothing is stopped'
complete -c clew -n '__fish_seen_subcommand_from threads' -l rolling -d 'stop one thread at a time'
complete -c clew -n '__fish_seen_subcommand_from threads' -l watch -d 'show it again every second'
complete -c clew -n '__fish_seen_subcommand_from stacks' -l full -d 'the variables of each frame too'
complete -c clew -n '__fish_seen_subcommand_from stacks' -l no-group -d 'each thread by itself'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -l no-group -d 'each goroutine by itself'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -l with -x -a 'userloc= curloc= goloc= startloc= state= label= running user' -d 'only those'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -l without -x -a 'userloc= curloc= goloc= startloc= state= label= running user' -d 'all but those'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -s u -d 'LOCATION is in the code of the user'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -s r -d 'LOCATION is where it stands itself'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -s g -d 'LOCATION is the go statement'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -s s -d 'LOCATION is the function that it began with'
complete -c clew -n '__fish_seen_subcommand_from goroutines' -l group -x -a 'userloc curloc goloc startloc state label= running user' -d 'by that field'
complete -c clew -n '__fish_seen_subcommand_from stacks' -l all -d 'idle pools and repeated frames whole'
complete -c clew -n '__fish_seen_subcommand_from stacks' -l folded -d 'a line for each stack, for flame graph tools'
complete -c clew -n '__fish_seen_subcommand_from stacks' -l svg -r -F -d 'write a flame graph'
complete -c clew -n '__fish_seen_subcommand_from attach run' -s x -l exec -x -a 'threads thread regs set x maps continue interrupt wait stepi run start info' -d 'a command to run at the start'
complete -c clew -n '__fish_seen_subcommand_from attach run' -l batch -d 'run the commands, then leave'

set -l running '__fish_seen_subcommand_from run'
complete -c clew -n "$running; and __clew_needs_program" -a '(__fish_complete_command)'
complete -c clew -n $running -F
complete -c clew -n $running -l env -x -d 'a variable for the program: NAME=VALUE'
complete -c clew -n $running -l unset-env -x -a '(set -nx)' -d 'a variable that the program does not get'
complete -c clew -n $running -l cwd -x -a '(__fish_complete_directories)' -d 'the folder to start it in'
complete -c clew -n $running -l stdin -r -F -d 'its standard input'
complete -c clew -n $running -l stdout -r -F -d 'its standard output'
complete -c clew -n $running -l stderr -r -F -d 'its standard error'
complete -c clew -n $running -l tty -r -F -d 'a terminal of its own'
complete -c clew -n $running -l no-aslr -d 'the same addresses in every run'
complete -c clew -n $running -l aslr -d 'randomized addresses'
complete -c clew -n '__fish_seen_subcommand_from attach run' -l detach-after -x -d 'let the process go after that many hits, or that time'
