//! An MCP-style resource server behind the guard (streamable HTTP, JSON answers): tools for agents, each with what it needs.
//! `examples/mcp/run` starts it beside a demo server.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use firman_client::guard::{Access, Guard, Requirement};
use firman_client::over_reqwest::OverReqwest;
use firman_proto::time::Lifetime;
use serde_json::{Value, json};

/// What the tokens are for, and where it is.
pub const MCP: &str = "http://127.0.0.1:3000";

/// How long ago somebody may have signed in in whose name money is moved.
pub const FRESH: Lifetime = Lifetime::from_seconds(60);

/// What a tool needs beyond a token for this server.
fn needed(tool: &str) -> Option<Requirement> {
    match tool {
        "list_books" => Requirement::all_of("books.read").ok(),
        // Step-up (RFC 9470): the answer tells the client how fresh the sign-in must be.
        "buy_book" => Requirement::all_of("books.write").ok().map(|needed| needed.max_age(FRESH)),
        _ => None,
    }
}

/// JSON-RPC: a request, and its answer. What a token is not enough for is told by HTTP, as MCP says (401, 403).
async fn rpc(State(guard): State<Guard>, access: Access, Json(request): Json<Value>) -> Response {
    let text = |at: &str| request.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let result = match text("/method") {
        "initialize" => {
            json!({"protocolVersion": "2025-06-18", "serverInfo": {"name": "books", "version": "1"}, "capabilities": {"tools": {}}})
        }
        "tools/list" => {
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            json!({"tools": [tool("list_books"), tool("buy_book")]})
        }
        "tools/call" => {
            let tool = text("/params/name");
            let Some(needed) = needed(tool) else { return failed(&request, "no such tool") };
            if let Err(refusal) = guard.check_more(&access, &needed) {
                return guard.answer(&refusal);
            }
            let text = format!("{tool} for {}", access.subject().unwrap_or("nobody"));
            json!({"content": [{"type": "text", "text": text}]})
        }
        _ => return failed(&request, "no such method"),
    };
    Json(json!({"jsonrpc": "2.0", "id": request.get("id"), "result": result})).into_response()
}

fn failed(request: &Value, message: &str) -> Response {
    Json(json!({"jsonrpc": "2.0", "id": request.get("id"), "error": {"code": -32601, "message": message}}))
        .into_response()
}

/// The server: any token for it opens the door, and each tool looks again.
pub fn app(guard: &Guard) -> Router {
    let rpc = post(rpc).layer(guard.requires(Requirement::any()));
    Router::new().route("/mcp", rpc).with_state(guard.clone()).merge(guard.metadata_route())
}

#[allow(dead_code, reason = "its tests call what it serves")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (issuer, secret) = words.next().zip(words.next()).ok_or("say ISSUER and SECRET")?;
    let transport = Arc::new(OverReqwest::new(reqwest::Client::builder())?);
    let guard = Guard::of(MCP, issuer).verifies(transport.clone()).asks(transport, MCP, secret);
    let guard = guard.scopes(["books.read", "books.write"]).says("resource_name", "Books for agents").build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&guard)).await?)
}
