#!/usr/bin/env sh
':' //; # Comments for Node.js, and for sh what Node.js cannot know: it resets ignored signals and opens what is closed.
':' //; while read -r name ZNIP_IGNORED_SIGNALS; do [ "$name" = SigIgn: ] && break; done 2>/dev/null </proc/self/status
':' //; ZNIP_CLOSED_OUTPUT=; { true 3>&1; } 2>/dev/null || ZNIP_CLOSED_OUTPUT=1
':' //; export ZNIP_IGNORED_SIGNALS ZNIP_CLOSED_OUTPUT; exec node "$0" "$@"
require('../dist/cli.cjs');
