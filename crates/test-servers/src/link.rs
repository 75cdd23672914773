//! The replication connections between the nodes of a cluster, in the hands of a test: one TCP proxy before each node.
//!
//! A node tells its peers the address it listens on, and they would go past the proxy. So the port in it is replaced by the
//! proxy's wherever the address passes; both have five digits. The first one a caller tells is its own, and says who calls.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What stands before a port in an address. What is replicated has digits too, and must pass as it is.
const BEFORE_A_PORT: &[u8] = b"tcp://127.0.0.1:";

/// A proxy for each node. They end with the process.
#[derive(Debug)]
pub(crate) struct Links {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The replication port of each node, and its proxy's.
    ports: Vec<(u16, u16)>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cut: Vec<usize>,
    open: Vec<Link>,
}

/// A connection: who called, if it is known yet, who was called, and both sockets.
#[derive(Debug)]
struct Link {
    number: usize,
    from: Option<usize>,
    to: usize,
    sockets: [TcpStream; 2],
}

impl Links {
    /// Proxies for nodes that listen on these ports.
    pub(crate) fn new(ports: &[u16]) -> Self {
        let listeners: Vec<_> = ports.iter().map(|_| five_digits()).collect();
        let proxy = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let ports = ports.iter().copied().zip(listeners.iter().map(proxy)).collect();
        let shared = Arc::new(Shared { ports, state: Mutex::default() });
        for (node, listener) in listeners.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let callers = listener.incoming().flatten().enumerate();
                callers.for_each(|(number, caller)| shared.open(number * shared.ports.len() + node, caller, node));
            });
        }
        Self { shared }
    }

    /// Where peers find a node.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.shared.ports[node].1))
    }

    /// Ends all connections from and to a node, and lets none through until [`Links::mend`].
    pub(crate) fn cut(&self, node: usize) {
        let mut state = self.shared.state.lock().unwrap();
        state.cut.push(node);
        state.open.iter().filter(|link| link.to == node || link.from == Some(node)).for_each(Link::end);
    }

    /// Lets a node back.
    pub(crate) fn mend(&self, node: usize) {
        self.shared.state.lock().unwrap().cut.retain(|cut| *cut != node);
    }
}

impl Link {
    fn end(&self) {
        self.sockets.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
    }
}

impl Shared {
    fn open(self: &Arc<Self>, number: usize, caller: TcpStream, to: usize) {
        let mut state = self.state.lock().unwrap();
        let called = TcpStream::connect(("127.0.0.1", self.ports[to].0));
        let (Ok(called), false) = (called, state.cut.contains(&to)) else { return };
        let copy = |socket: &TcpStream| socket.try_clone().unwrap();
        for socket in [&caller, &called] {
            socket.set_nodelay(true).unwrap();
        }
        state.open.push(Link { number, from: None, to, sockets: [copy(&caller), copy(&called)] });
        for (from, into, calls) in [(copy(&caller), copy(&called), true), (called, caller, false)] {
            let shared = Arc::clone(self);
            std::thread::spawn(move || {
                shared.carry(from, into, calls.then_some(number));
                shared.close(number);
            });
        }
    }

    /// Carries messages until an end closes. `number`: what passes comes from whoever called this link.
    fn carry(&self, mut from: TcpStream, mut into: TcpStream, number: Option<usize>) -> Option<()> {
        let mut unknown = number;
        loop {
            // Four bytes say how long a message is (24 bits) and of which version; four are a checksum that nobody makes.
            let mut message = vec![0; 8];
            from.read_exact(&mut message).ok()?;
            let length = u32::from_le_bytes(message[..4].try_into().ok()?) & 0x00ff_ffff;
            message.resize(8 + length as usize, 0);
            from.read_exact(&mut message[8..]).ok()?;
            let told = self.replace_ports(&mut message);
            if let (Some(number), Some(caller)) = (unknown, told) {
                unknown = None;
                self.is_called_by(number, caller)?;
            }
            into.write_all(&message).ok()?;
        }
    }

    /// Puts the proxies in the place of the nodes in every address; gives the first node that was named.
    fn replace_ports(&self, message: &mut [u8]) -> Option<usize> {
        let mut first = None;
        for start in BEFORE_A_PORT.len()..message.len().saturating_sub(4) {
            let (before, digits) = message[..start + 5].split_at_mut(start);
            if !before.ends_with(BEFORE_A_PORT) {
                continue;
            }
            let found = self.ports.iter().position(|(node, _)| digits == node.to_string().as_bytes());
            if let Some(node) = found {
                digits.copy_from_slice(self.ports[node].1.to_string().as_bytes());
                first = first.or(Some(node));
            }
        }
        first
    }

    /// Notes who called; `None` if nobody may hear of it.
    fn is_called_by(&self, number: usize, caller: usize) -> Option<()> {
        let mut state = self.state.lock().unwrap();
        let cut = state.cut.contains(&caller);
        let link = state.open.iter_mut().find(|link| link.number == number)?;
        link.from = Some(caller);
        (!cut).then_some(())
    }

    fn close(&self, number: usize) {
        let mut state = self.state.lock().unwrap();
        if let Some(place) = state.open.iter().position(|link| link.number == number) {
            state.open.swap_remove(place).end();
        }
    }
}

/// A listener on a free port of five digits.
fn five_digits() -> TcpListener {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    std::iter::repeat_with(free).find(|listener| listener.local_addr().unwrap().port() > 9999).unwrap()
}
