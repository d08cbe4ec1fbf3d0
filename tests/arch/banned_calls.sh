#!/usr/bin/env bash
# Calls that we do not make, each with its reason and what to use instead. Comments are not code.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

# ban PATTERN REASON PATHSPEC…
ban() {
  local pattern=$1 reason=$2 hit
  shift 2
  while IFS= read -r hit; do fault "$hit  <- $reason"; done < <(
    git grep -nP "^(?!\s*(//|\*)).*?(?<![\w:.>])(?:std::|::)?$pattern" -- "$@" ':!tests' ':!bench' | sed -E 's/[[:space:]]+/ /g' | cut -c1-160)
}
code=('*.cc' '*.h')
ban '(system|popen|execlp|execvp|execvpe)\s*\(' 'no shell and no search in PATH: fork the zygote or execve a checked path' "${code[@]}"
ban '(sprintf|vsprintf|strcpy|strcat|gets|alloca)\s*\(' 'no length is checked: fmt::format, std::string' "${code[@]}"
ban '(atoi|atol|atoll|atof|strtok)\s*\(' 'errors go unseen: std::from_chars' "${code[@]}"
ban '(rand|srand|random|drand48)\s*\(' 'predictable and shared: core/base/random_id.h, <random>' "${code[@]}"
ban '(tmpnam|tempnam|mktemp)\s*\(' 'races: memfd_create, mkstemp, O_TMPFILE' "${code[@]}"
ban 'av(_|codec_|format_|io_)[a-z0-9_]+\s*\(' 'FFmpeg lives in the confined process only' "${code[@]}" ':!decoder'
ban 'absl::(Mutex|MutexLock|CondVar)\b' 'ThreadSanitizer cannot see into the prebuilt one: core/base/mutex.h' "${code[@]}"
ban 'using namespace ' 'names must tell where they come from' '*.h'
ban 'throw\b' 'errors are values: Status, Verdict' "${code[@]}"

# The patterns must go on finding what they are for.
check() { printf '%s\n' "$1" | grep -qP "^(?!\s*(//|\*)).*?(?<![\w:.>])(?:std::|::)?$2" || fault "the pattern $2 does not find: $1"; }
check '  std::system("x");' '(system|popen|execlp|execvp|execvpe)\s*\('
check 'int n = atoi(text);' '(atoi|atol|atoll|atof|strtok)\s*\('
check '  av_frame_free(&f);' 'av(_|codec_|format_|io_)[a-z0-9_]+\s*\('
finish
