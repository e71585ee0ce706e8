//! Users.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::login::NAME;
use super::super::marks;
use super::super::page;
use crate::api::{Api, Form, Path, Problem, permit};
use crate::auth::users::{self, Edit, User};
use crate::auth::{Caller, Role};

fn roles(chosen: Option<Role>) -> Markup {
    html! {
        select name="role" aria-label="Role" { @for role in Role::ALL {
            option value=(role.word()) selected[chosen == Some(role)] { (role.word().replace('_', " ")) }
        } }
    }
}

pub(super) fn list(who: &Caller, all: &[User]) -> Markup {
    html! {
        h2 #users { "Users" }
        div.scroll tabindex="0" role="region" aria-label="Users" { table.rows {
            thead { tr { th { "Name" } th { "Last login" } th { "Role" } th { "May log in" } th { "New password" } th { span.hidden { "Do" } } } }
            tbody { @for user in all { (row(who, user)) } }
        } }
        p.dim { "A viewer looks; an analyst judges too; an engineer changes rules too; a clinical engineer approves what touches \
                 devices at patients; an admin keeps users. A change ends the user's sessions." }
        details { summary { "Add a user" }
            form.stack method="post" action="/settings/users" {
                (page::csrf(who))
                label { "Name" input name="name" autocomplete="off" pattern=(NAME) required; }
                label { "Role" (roles(Some(Role::Viewer))) }
                label { "Password, at least 12 characters" input type="password" name="password" autocomplete="new-password" minlength="12" required; }
                button.main { "Add" }
            }
        }
    }
}

fn row(who: &Caller, user: &User) -> Markup {
    let form = format!("user-{}", user.number);
    html! { tr {
        td { strong { (user.name) } }
        td data-name="last login" { @match user.seen { Some(seen) => (marks::time(seen)), None => "never" } }
        td { form id=(form) method="post" action={ "/settings/users/" (user.name) } { (page::csrf(who)) (roles(Some(user.role))) } }
        td { label { input type="checkbox" name="enabled" value="yes" checked[user.enabled] form=(form); " may log in" } }
        td { input type="password" name="password" form=(form) autocomplete="new-password" minlength="12" size="14" placeholder="unchanged" aria-label={ "new password of " (user.name) }; }
        td { button form=(form) { "Change" } }
    } }
}

#[derive(Deserialize)]
pub(super) struct NewUser {
    name: String,
    role: Role,
    password: String,
}

pub(super) async fn add(
    State(api): State<Api>,
    sent: Form<permit::Admin, NewUser>,
) -> Result<Response, Problem> {
    let (actor, form) = (sent.who.actor(), sent.form);
    let stored = api.hash_password(form.password).await?;
    api.write(move |change| {
        users::create(change, &form.name, form.role, &stored, &actor).map(drop)
    })
    .await
    .map_err(Problem::as_input)?;
    Ok(page::go("/settings#users"))
}

#[derive(Deserialize)]
pub(super) struct EditUser {
    role: Role,
    #[serde(default)]
    enabled: String,
    #[serde(default)]
    password: String,
}

pub(super) async fn edit(
    State(api): State<Api>,
    Path(name): Path<String>,
    sent: Form<permit::Admin, EditUser>,
) -> Result<Response, Problem> {
    let (actor, form) = (sent.who.actor(), sent.form);
    let password = match form.password.as_str() {
        "" => None,
        _ => Some(api.hash_password(form.password).await?),
    };
    let edit = Edit {
        role: Some(form.role),
        enabled: Some(form.enabled == "yes"),
        password,
    };
    api.write(move |change| users::edit(change, &name, &edit, &actor).map(drop))
        .await
        .map_err(Problem::as_input)?;
    Ok(page::go("/settings#users"))
}
