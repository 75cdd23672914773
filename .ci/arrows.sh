# shellcheck shell=bash
# The arrows between crates point down only, and what is meant to be pure stays free of frameworks and drivers.
# Sourced by `.ci/run`.

arrows_point_down() {
    local runtimes="tokio async-std smol mio"
    local frameworks="axum hyper hyper-util tower actix-web warp"
    local drivers="rusqlite libsqlite3-sys tokio-postgres postgres mysql_async sqlx"
    local members crate wrong=0
    members=$(cargo metadata --locked --no-deps --format-version 1 | grep -o '"name":"[^"]*","version"' | cut -d'"' -f4)
    for crate in $members; do
        case $crate in
        firman-proto) arrow "$crate" "" "$runtimes $frameworks $drivers" ;;
        firman-store) arrow "$crate" "firman-proto" "$frameworks $drivers" ;;
        firman-sql) arrow "$crate" "firman-proto firman-store" "$frameworks" ;;
        firman-engine) arrow "$crate" "firman-proto firman-store" "$frameworks $drivers" ;;
        firman-client) arrow "$crate" "firman-proto firman-store" "$drivers" ;;
        firman-example-journal) arrow "$crate" "firman-proto firman-store" "$frameworks $drivers" ;;
        firman-test-servers) arrow "$crate" "" "$runtimes $frameworks $drivers" ;;
        firman) ;; # The server knows all the others.
        *) echo "$crate is new: say in .ci/arrows.sh what it may depend on" >&2 && false ;;
        esac || wrong=1
    done
    [ $wrong -eq 0 ] && echo "The arrows point down."
}

# arrow CRATE ALLOWED FORBIDDEN: which crates of ours it may reach, and which of others' it must not.
arrow() {
    local crate=$1 allowed=$2 forbidden=$3 reached name wrong=0
    reached=$(cargo tree --locked -p "$crate" --edges normal,build --all-features --target all --prefix none \
        --format '{p}') || return 1
    for name in $(cut -d' ' -f1 <<<"$reached" | sort -u); do
        if [[ $name == "$crate" || " $allowed " == *" $name "* ]]; then
            continue
        elif [[ $name == firman || $name == firman-* ]]; then
            echo "$crate must not depend on $name" >&2
            wrong=1
        elif [[ " $forbidden " == *" $name "* ]]; then
            echo "$crate must stay free of $name" >&2
            wrong=1
        fi
    done
    return $wrong
}
