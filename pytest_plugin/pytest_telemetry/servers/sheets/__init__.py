"""The fake of Google Sheets: the values API, its tokens and an Apps Script web app, in memory."""
