// The ready queries of the explorer. Variables start with plausible values, or with a place to
// fill in: an identifier only exists once the reader has queried for it.

const A_COMPLETER = 'À COMPLÉTER';

export const examples = [
  {
    title: 'Les espaces et leurs forums',
    query: `query Espaces {
  spaces {
    name
    description
    forums {
      id
      name
      kinds
      threadCount
    }
  }
}`,
  },
  {
    title: 'Fils récents',
    query: `query FilsRecents($first: Int!, $after: String) {
  threads(first: $first, after: $after, orderBy: ACTIVITE) {
    totalCount
    edges {
      node {
        id
        title
        kind
        lastActivityAt
        postCount
        author { handle name organisation { shortName } }
      }
    }
    # Pour la page suivante, recopier endCursor dans la variable « after ».
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { first: 10, after: null },
  },
  {
    title: 'Questions sans réponse',
    query: `query QuestionsSansReponse($first: Int!) {
  threads(first: $first, kind: QUESTION, filter: SANS_REPONSE, orderBy: DATE) {
    totalCount
    edges {
      node { id title createdAt author { handle name } }
    }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { first: 10 },
  },
  {
    title: 'Un fil et ses réponses',
    query: `query Fil($id: ID!, $first: Int!, $after: String) {
  thread(id: $id) {
    title
    kind
    forum { name }
    author { handle }
    posts(first: $first, after: $after) {
      edges {
        node {
          id
          depth
          parent { id }
          author { handle name organisation { shortName } }
          excerpt
          createdAt
          editedAt
          accepted
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}`,
    variables: { id: A_COMPLETER, first: 20, after: null },
  },
  {
    title: 'Suivre un fil en direct',
    query: `subscription SuivreUnFil($id: ID!, $after: String) {
  # Après une coupure, le dernier curseur reçu va de lui-même dans la variable « after ».
  threadEvents(threadId: $id, after: $after) {
    __typename
    ... on StreamStart { cursor }
    ... on Gap { cursor }
    ... on PostAdded { cursor at actor { handle } post { id depth excerpt } }
    ... on PostChanged { cursor at postChange: change post { id excerpt deleted hidden } }
    ... on ThreadChanged { cursor at threadChange: change thread { title locked solved } }
    ... on TrainingChanged { cursor at trainingChange: change training { title state } }
  }
}`,
    variables: { id: A_COMPLETER, after: null },
  },
  {
    title: 'Ouvrir une question',
    query: `mutation OuvrirUneQuestion($forum: ID!, $title: String!, $body: String!) {
  openThread(input: { forumId: $forum, kind: QUESTION, title: $title, body: $body }) {
    thread { id title }
    problems { field code message }
  }
}`,
    variables: {
      forum: A_COMPLETER,
      title: 'Comment exporter les résultats d’une session ?',
      body: 'Bonjour, je cherche à **exporter** les résultats de mes stagiaires.',
    },
  },
  {
    title: 'Répondre',
    query: `mutation Repondre($post: ID!, $body: String!) {
  answerPost(input: { postId: $post, body: $body }) {
    post { id depth }
    problems { field code message }
  }
}`,
    variables: { post: A_COMPLETER, body: 'Depuis la page de la session, bouton « Exporter ».' },
  },
  {
    title: 'Accepter une réponse',
    query: `mutation Accepter($post: ID!) {
  acceptAnswer(input: { postId: $post }) {
    thread { solved }
    problems { field code message }
  }
}`,
    variables: { post: A_COMPLETER },
  },
  {
    title: 'Mon profil',
    query: `query MonProfil {
  viewer {
    id
    handle
    name
    organisation { shortName }
  }
}`,
  },
  {
    title: 'Demander un lien de connexion',
    query: `mutation DemanderUnLien($address: String!) {
  requestLink(input: { address: $address }) {
    message
    problems { field code message }
  }
}`,
    variables: { address: 'prenom.nom@example.org' },
  },
  {
    title: 'Créer un jeton d’accès',
    query: `mutation CreerUnJeton($name: String!, $days: Int!) {
  createAccessToken(input: { name: $name, scopes: [LIRE], expiresInDays: $days }) {
    # Le secret n’est donné qu’une fois : il va dans le champ « Jeton ».
    secret
    problems { field code message }
  }
}`,
    variables: { name: 'Essai depuis l’explorateur', days: 7 },
  },
];
