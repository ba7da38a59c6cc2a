"""Writes mutants into a source file, each behind a switch: `crate::mutant(7)` is true when mutant 7 is on."""

from bisect import bisect_left
from collections import defaultdict

import tree_sitter
import tree_sitter_rust

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))
OPERATIONS = ("binary_expression", "compound_assignment_expr")

# What the switches call: it belongs to the root of a crate. Each switch that is reached is noted, if somebody asks.
SWITCH = """
#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub fn mutant(number: usize) -> bool {
    use std::{env, fs::File, io::Write as _, sync::{LazyLock, atomic::{AtomicBool, Ordering::Relaxed}}};
    static ON: LazyLock<Option<usize>> = LazyLock::new(|| env::var("DOCR_MUTANT").ok()?.parse().ok());
    static REACHED: LazyLock<Option<File>> =
        LazyLock::new(|| File::options().create(true).append(true).open(env::var_os("DOCR_MUTANTS_REACHED")?).ok());
    static NOTED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];
    if let Some(mut file) = REACHED.as_ref() && !NOTED[number].swap(true, Relaxed) {
        let _ = file.write_all(format!("{number}\\n").as_bytes());
    }
    *ON == Some(number)
}
"""


def write(source, mutants):
    """The source with its mutants, by number, as `cargo mutants --list --json` has them, and those that have no place."""
    if not mutants:
        return source, set()
    rewriting = Rewriting(source)
    without_place = {number for number, mutant in mutants.items() if not rewriting.place(number, mutant)}
    return rewriting.text_with_switches(), without_place


class Rewriting:
    def __init__(self, source):
        self.source = source.encode()
        self.lines = source.splitlines(keepends=True)
        self.line_starts = [0]
        for line in self.lines:
            self.line_starts.append(self.line_starts[-1] + len(line.encode()))
        self.root = PARSER.parse(self.source).root_node
        self.by_start = defaultdict(list)
        nodes = [self.root]
        while nodes:
            node = nodes.pop()
            self.by_start[node.start_byte].append(node)
            nodes.extend(node.children)
        self.at_node = defaultdict(list)
        self.bodies = defaultdict(str)

    def text_with_switches(self):
        self.body_starts = sorted(self.bodies)
        begin = self.text(0, self.root.start_byte)
        return begin + self.render(self.root) + self.text(self.root.end_byte, len(self.source))

    def place(self, number, mutant):
        """Whether a mutant has a place: `||` in a chain of `let`, say, would not compile."""
        start, end = (self.offset(mutant["span"][side]) for side in ("start", "end"))
        here = self.by_start[start]
        replacement = mutant["replacement"]
        match mutant["genre"]:
            case "FnValue" if start < end:
                self.bodies[start] += f"if crate::mutant({number}) {{ return {replacement}; }}\n"
                return True
            case "BinaryOperator":
                found = [node.parent for node in here if node.end_byte == end and node.parent.type in OPERATIONS]
            case "UnaryOperator":
                found = [node for node in here if node.type == "unary_expression"]
                found.sort(key=lambda node: node.end_byte)
            case "MatchArm":
                arms = [node for node in here if node.type == "match_arm"]
                found = [arm.child_by_field_name("pattern") for arm in arms]
            case "MatchArmGuard":
                found = [node for node in here if node.end_byte == end and node.parent.type == "match_pattern"]
            case _:
                found = []
        if found:
            self.at_node[found[0].id].append((mutant["genre"], number, replacement))
        return bool(found)

    def render(self, node):
        body, position = "", node.start_byte
        for child in node.children:
            body += self.between(position, child.start_byte) + self.render(child)
            position = child.end_byte
        body += self.between(position, node.end_byte)
        for genre in ("UnaryOperator", "BinaryOperator", "MatchArmGuard", "MatchArm"):
            here = [(number, with_) for of, number, with_ in self.at_node[node.id] if of == genre]
            if here:
                body = self.switched(genre, node, body, here)
        return body

    def switched(self, genre, node, body, mutants):
        """The text of a node with switches around. A mutant's own text has no switches: no other mutant is on."""
        match genre:
            case "UnaryOperator":
                [(number, _)] = mutants
                return f"(if crate::mutant({number}) {{ {self.raw(node.children[1])} }} else {{ {body} }})"
            case "BinaryOperator":
                left, right = (self.raw(node.child_by_field_name(side)) for side in ("left", "right"))
                ways = (f"if crate::mutant({number}) {{ ({left}) {with_} {right} }}" for number, with_ in mutants)
                return f"({' else '.join(ways)} else {{ {body} }})"
            case "MatchArmGuard":
                for number, with_ in mutants:
                    on, join = ("", "||") if with_ == "true" else ("!", "&&")
                    body = f"({on}crate::mutant({number}) {join} ({body}))"
                return body
            case "MatchArm":
                [(number, _)] = mutants
                guard = node.child_by_field_name("condition")
                if guard is None:
                    return f"{body} if !crate::mutant({number})"
                guard = self.render(guard)
                return f"{body.removesuffix(guard)} !crate::mutant({number}) && ({guard})"

    def between(self, start, end):
        """The text between the children of a node, with what is put at the beginning of a function's body."""
        out, position = "", start
        starts = self.body_starts
        for offset in starts[bisect_left(starts, start) : bisect_left(starts, end)]:
            out += self.text(position, offset) + self.bodies[offset]
            position = offset
        return out + self.text(position, end)

    def offset(self, position):
        """Columns count characters, nodes have bytes."""
        line = position["line"] - 1
        return self.line_starts[line] + len(self.lines[line][: position["column"] - 1].encode())

    def text(self, start, end):
        return self.source[start:end].decode()

    def raw(self, node):
        return self.text(node.start_byte, node.end_byte)
