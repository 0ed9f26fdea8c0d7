# bash completion for clew(1).

# Sets _clew_pids and _clew_names to the pids and names of programs; kernel threads have no command line.
_clew_processes() {
  local dir first name
  _clew_pids=() _clew_names=()
  for dir in /proc/[0-9]*; do
    first='' name=''
    { IFS= read -r -d '' first <"$dir/cmdline"; IFS= read -r name <"$dir/comm"; } 2>/dev/null
    [[ -n $first && -n $name && ${dir#/proc/} != "$$" ]] || continue
    _clew_pids+=("${dir#/proc/}")
    _clew_names+=("$name")
  done
}

_clew_complete_pid() {
  local cur=$1 i
  local -a _clew_pids _clew_names
  _clew_processes
  for i in "${!_clew_pids[@]}"; do
    [[ ${_clew_pids[i]} == "$cur"* ]] && COMPREPLY+=("${_clew_pids[i]} (${_clew_names[i]//[[:cntrl:]]/?})")
  done
  # The name is for the list alone.
  [[ ${#COMPREPLY[@]} -eq 1 ]] && COMPREPLY=("${COMPREPLY[0]%% *}")
}

_clew_complete_name() {
  local cur=$1 name
  local -a _clew_pids _clew_names
  local -A seen=()
  _clew_processes
  for name in "${_clew_names[@]}"; do
    [[ $name == "$cur"* && -z ${seen[$name]} ]] || continue
    seen[$name]=1
    COMPREPLY+=("$(printf '%q' "$name")")
  done
}

# What stands at word $2 is a program; behind it are files, as for most programs.
_clew_complete_program() {
  local cur=$1 at=$2
  compopt -o filenames 2>/dev/null
  if [[ $COMP_CWORD -eq $at && $cur != */* ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -d -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}

_clew() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev='' command='' target='' i
  [[ $COMP_CWORD -gt 0 ]] && prev=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # `--name=value` comes as three words.
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' && $COMP_CWORD -gt 1 ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --name | --wait-for) target=1; ((i++)) ;;
      --calls | --stack | --rate) ((i++)) ;;
      --for | --max-pause | --detach-after | --exec | -x | --svg) ((i++)) ;;
      --env | --unset-env | --cwd | --stdin | --stdout | --stderr | --tty) ((i++)) ;;
      --)
        # The program of `clew run` and all that is its own.
        if [[ $command == run ]]; then
          target=$((i + 1))
          break
        fi
        ;;
      -* | =) ;;
      *)
        if [[ -z $command ]]; then
          command=${COMP_WORDS[i]}
        elif [[ $command == run ]]; then
          target=$i
          break
        else
          target=1
        fi
        ;;
    esac
  done

  if [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'freeze threads stacks goroutines trace attach run doctor --help --version' -- "$cur")
    return
  fi
  if [[ $command == run && -n $target ]]; then
    _clew_complete_program "$cur" "$target"
    return
  fi
  case $prev in
    --cwd) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --stdin | --stdout | --stderr | --tty | --svg) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --env) mapfile -t COMPREPLY < <(compgen -e -S = -- "$cur"); return ;;
    --unset-env) mapfile -t COMPREPLY < <(compgen -e -- "$cur"); return ;;
    --name | --wait-for) _clew_complete_name "$cur"; return ;;
    --for | --max-pause | --detach-after | --calls | --stack | --rate) return ;;
    --exec | -x)
      mapfile -t COMPREPLY < <(compgen -W 'threads thread regs set x maps continue interrupt wait stepi run start info' -- "$cur")
      return ;;
  esac
  if [[ $command == run && $cur != -* ]]; then
    _clew_complete_program "$cur" "$COMP_CWORD"
    return
  fi
  if [[ $cur != -* ]]; then
    [[ -z $target ]] && _clew_complete_pid "$cur"
    return
  fi
  local options=''
  case $command in
    freeze) options='--name --wait-for --for --max-pause --json --help' ;;
    threads) options='--name --wait-for --max-pause --no-stop --rolling --watch --json --help' ;;
    stacks) options='--name --wait-for --max-pause --full --no-group --all --json --folded --svg --help' ;;
    goroutines) options='--name --wait-for --max-pause --no-group --with --without --group -u -r -g -s --json --help' ;;
    trace) options='--name --wait-for --for --calls --stack --rate --count --max-pause --json --help' ;;
    attach) options='--name --wait-for --exec --batch --max-pause --detach-after --help' ;;
    run) options='--env --unset-env --cwd --stdin --stdout --stderr --tty --no-aslr --aslr --exec --batch --max-pause --detach-after --help' ;;
    doctor) options='--json --help' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}

complete -F _clew clew
