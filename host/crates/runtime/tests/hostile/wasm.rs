//! Components by hand, byte by byte: no tool would write what these tests need.

/// An unsigned LEB128 number.
pub fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Bytes with their length in front.
pub fn sized(bytes: &[u8]) -> Vec<u8> {
    [leb(bytes.len()), bytes.to_vec()].concat()
}

/// So many items, one after the other, with their number in front.
pub fn list(number: usize, mut item: impl FnMut(usize) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = leb(number);
    for index in 0..number {
        bytes.extend(item(index));
    }
    bytes
}

/// A section.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], sized(content)].concat()
}

/// A core module of these sections.
pub fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// A component of these sections.
pub fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), sections.concat()].concat()
}

/// Sections, and behind them what makes a host take it for a build step: it exports an empty instance by
/// the names of a plugin. `instances` says how many instances the sections make.
pub fn plugin(sections: &[Vec<u8>], instances: usize) -> Vec<u8> {
    plugin_named("springline:plugin/build-step@0.1.0", sections, instances)
}

/// As [`plugin`], with another name of its kind.
pub fn plugin_named(kind: &str, sections: &[Vec<u8>], instances: usize) -> Vec<u8> {
    let empty_instance = section(5, &[1, 1, 0]);
    let exports = list(2, |at| {
        let name = [kind, "springline:plugin/describe@0.1.0"][at];
        [vec![0], sized(name.as_bytes()), vec![5], leb(instances + at), vec![0]].concat()
    });
    component(&[sections.concat(), empty_instance, section(11, &exports)])
}

/// A component whose core module has these sections.
pub fn plugin_of_module(sections: &[Vec<u8>]) -> Vec<u8> {
    plugin(&[section(1, &module(sections))], 0)
}

/// The type section of a module with `() -> ()` alone.
pub fn nullary_type() -> Vec<u8> {
    section(1, &[1, 0x60, 0, 0])
}

/// Functions of that type with these bodies, which end in `end`.
pub fn functions(number: usize, body: impl Fn(usize) -> Vec<u8>) -> Vec<Vec<u8>> {
    vec![nullary_type(), section(3, &list(number, |_| vec![0])), section(10, &list(number, |at| sized(&body(at))))]
}
