//! Relay connections: one way to build them all.

use async_graphql::{Context, SimpleObject};
use services::Result;
use services::page::{DEFAULT, Page, Paging};

use crate::context::ContextExt;

/// Où se situe une page dans sa liste.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct PageInfo {
    /// Il y a d'autres éléments après le dernier.
    pub(crate) has_next_page: bool,
    /// Il y a d'autres éléments avant le premier.
    pub(crate) has_previous_page: bool,
    /// Curseur du premier élément, à donner à before ; null si la page est vide.
    pub(crate) start_cursor: Option<String>,
    /// Curseur du dernier élément, à donner à after ; null si la page est vide.
    pub(crate) end_cursor: Option<String>,
}

/// The four arguments, gathered.
pub(crate) fn paging(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Paging {
    Paging { first, after, last, before }
}

/// How many items a page may hold, for the complexity of its field.
pub(crate) fn size(first: Option<i32>, last: Option<i32>) -> usize {
    let asked = first.or(last).map_or(DEFAULT, i64::from);
    usize::try_from(asked.clamp(0, services::page::MOST)).unwrap_or(0)
}

/// The total, counted only when the client asked for it.
pub(crate) async fn total(ctx: &Context<'_>, count: impl Future<Output = Result<i64>>) -> Result<Option<i64>> {
    if ctx.selects("totalCount") { count.await.map(Some) } else { Ok(None) }
}

/// The edges' cursors and the page's place.
pub(crate) fn page_info<T>(page: &Page<T>, cursor: impl Fn(&T) -> String) -> PageInfo {
    PageInfo {
        has_next_page: page.has_next,
        has_previous_page: page.has_previous,
        start_cursor: page.items.first().map(&cursor),
        end_cursor: page.items.last().map(&cursor),
    }
}

/// `connection! { "Description" ThreadConnection, ThreadEdge, Thread }`: a connection, its edge, and `new(page, cursor, total)`. Their
/// fields are there already: one after the other, they cost less than side by side.
macro_rules! connection {
    ($description:literal $connection:ident, $edge:ident, $node:ty) => {
        #[doc = $description]
        #[derive(async_graphql::SimpleObject)]
        #[graphql(complex, serial)]
        pub(crate) struct $connection {
            /// Les éléments de la page, dans l'ordre de la liste, chacun avec son curseur.
            pub(crate) edges: Vec<$edge>,
            /// Où se situe cette page dans la liste.
            pub(crate) page_info: $crate::paging::PageInfo,
            #[graphql(skip)]
            total: Option<i64>,
        }

        #[async_graphql::ComplexObject]
        impl $connection {
            /// Nombre d'éléments de toute la liste ; compté seulement si vous le demandez.
            async fn total_count(&self) -> services::Result<i64> {
                self.total.ok_or_else(|| services::Error::internal("a total that was not counted"))
            }
        }

        /// Un élément d'une page et son curseur.
        #[derive(async_graphql::SimpleObject)]
        #[graphql(serial)]
        pub(crate) struct $edge {
            /// L'élément.
            pub(crate) node: $node,
            /// Sa place dans la liste, à donner à after ou à before.
            pub(crate) cursor: String,
        }

        impl $connection {
            pub(crate) fn new<T>(
                page: services::page::Page<T>,
                cursor: impl Fn(&T) -> String,
                node: impl Fn(T) -> $node,
                total: Option<i64>,
            ) -> Self {
                let page_info = $crate::paging::page_info(&page, &cursor);
                let edges = page.items.into_iter().map(|item| $edge { cursor: cursor(&item), node: node(item) }).collect();
                Self { edges, page_info, total }
            }
        }
    };
}
pub(crate) use connection;
